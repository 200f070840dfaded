"""The stages of a checkpoint run when something that decides about their outputs has changed, and only then.

The tools are small stand-ins here (what they do is tested elsewhere); everything else is the real thing.
"""

import json
import os
import subprocess
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from ci import environments
from ci.errors import NotAsHandedOver, StageFailed
from ci.pipeline import checkpoint, run, stages
from ci.pipeline.display import Row
from ci.runtime import local
from pipelines.errors import OutputFailed, UsageError

ALL = ["riva-verdict", "nemo2riva", "riva-build", "riva-build", "riva-deploy", "start-riva", "riva-conformance"]


def take(folder: Path, until: str = "conformance", *, since: str = "verdict", target: str | None = None) -> list[Row]:
    rows: list[Row] = []
    run.run_checkpoint(folder, until=until, on_row=rows.append, since=since, target=target)
    return rows


def ran(folder: Path) -> list[str]:
    """The tools that ran since the last time this was asked."""
    log = folder.parents[1] / "ran"
    tools = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return tools


def output(folder: Path, name: str) -> Path:
    return folder.parents[1] / "build" / "words" / name


def test_first_run_makes_everything(folder: Path) -> None:
    """The first run goes through every stage in order and names each output with its digest."""
    rows = take(folder)

    assert ran(folder) == ALL
    assert [row.output for row in rows] == [
        "verdict",
        "words.riva",
        "words-streaming.rmir",
        "words-offline.rmir",
        "models",
        "",
        "report",
    ]
    assert [row.stage for row in rows[-2:]] == ["start-riva", "conformance"]
    assert all(len(row.sha256) == 64 for row in rows if row.output)


def test_unchanged_second_run_starts_nothing(folder: Path) -> None:
    """Nothing has changed, so no stage runs again, the judgement of the server included."""
    take(folder)
    ran(folder)

    rows = take(folder)

    assert ran(folder) == []
    assert all(row.reused for row in rows)


def test_changed_build_option_leaves_the_export_alone(folder: Path) -> None:
    """A changed option of one build runs that build and what follows."""
    take(folder)
    ran(folder)
    declaration = folder / "pipeline.yaml"
    declaration.write_text(declaration.read_text().replace("0.16", "0.32"))

    take(folder)

    assert ran(folder) == ["riva-build", "riva-deploy", "start-riva", "riva-conformance"]


def test_changed_evaluation_set_is_checked_and_judged_again(folder: Path) -> None:
    """The verdict looks at the data that the server is judged on, so both run again, and nothing else."""
    take(folder)
    ran(folder)
    (folder / "evaluation" / "manifest.json").write_text('{"text": "another"}')

    take(folder)

    assert ran(folder) == ["riva-verdict", "start-riva", "riva-conformance"]


def test_waivers_are_said_on_every_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also when nothing runs again: who looks at the log sees what was accepted, why, and until when."""
    declaration = folder / "pipeline.yaml"
    waivers = [
        f"{{advisory: CVE-2025-2324{number}, expires: 2999-12-31, reason: {reason}}}"
        for number, reason in ((2, "a"), (3, "b"))
    ]
    more = f"export: {{riva-version: 2.18.0}}\nwaivers: [{', '.join(waivers)}]\n"
    declaration.write_text(declaration.read_text() + more)
    take(folder)
    capsys.readouterr()

    take(folder)

    said = capsys.readouterr().err
    assert "words: waiver: CVE-2025-23242 (high)" in said
    assert "waived until 2999-12-31: b" in said


def test_changed_byte_of_same_size_and_time_is_seen(folder: Path) -> None:
    """Content decides, not size and time stamp."""
    take(folder)
    ran(folder)
    model = folder / "model.nemo"
    status = model.stat()
    model.write_bytes(b"w3ights")
    os.utime(model, ns=(status.st_atime_ns, status.st_mtime_ns))

    take(folder)

    assert ran(folder) == ALL


@pytest.mark.parametrize(
    ("name", "tools"),
    [
        ("words.riva", ["nemo2riva"]),
        ("words-streaming.rmir", ["riva-build"]),
        ("models/config.pbtxt", ["riva-deploy"]),
        ("report/conformance.json", ["start-riva", "riva-conformance"]),
    ],
)
@pytest.mark.parametrize("damage", ["changed", "removed"])
def test_corrupted_output_is_made_again(folder: Path, name: str, tools: list[str], damage: str) -> None:
    """A damaged output is found and made again; what follows is not, once the output is what it was."""
    take(folder)
    ran(folder)
    path = output(folder, name)
    good = path.read_bytes()
    path.unlink() if damage == "removed" else path.write_bytes(good[:-1] + b"X")

    take(folder)

    assert path.read_bytes() == good
    assert ran(folder) == tools


def test_foreign_file_in_the_repository_is_found(folder: Path) -> None:
    """A file that somebody put into the model repository makes it another repository."""
    take(folder)
    ran(folder)
    output(folder, "models/extra.txt").write_text("not ours")

    take(folder)

    assert "riva-deploy" in ran(folder)


def test_changed_source_runs_the_stages_made_of_it(folder: Path) -> None:
    """A change of the server's source judges the server again but exports nothing."""
    server = folder.parents[1] / "pipelines" / "server"
    server.mkdir()
    take(folder)
    ran(folder)
    (server / "app.py").write_text("version = 2")

    take(folder)

    assert ran(folder) == ["start-riva", "riva-conformance"]


def test_failed_stage_says_why_and_the_rest_is_not_run(folder: Path) -> None:
    """A failing tool ends the run with its last words; the next run goes on from there."""
    broken = folder.parents[1] / "break-riva-deploy"
    broken.touch()

    with pytest.raises(StageFailed, match="riva-deploy ended with 1") as caught:
        take(folder)
    assert "riva-deploy is broken" in caught.value.why
    assert ran(folder) == ALL[:5]

    broken.unlink()
    take(folder)
    assert ran(folder) == ALL[4:]


def test_disk_too_full_for_last_words_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that could not even write its log left no reason: the full disk is one."""
    (folder.parents[1] / "environment" / "bin" / "nemo2riva").write_text("#!/bin/sh\nexit 1\n")
    monkeypatch.setattr(run.shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    with pytest.raises(StageFailed) as caught:
        take(folder)
    assert (caught.value.what, caught.value.why) == ("nemo2riva ended with 1", "the disk is full")


def test_outputs_that_cannot_be_written_are_told(folder: Path) -> None:
    """Where `build` is no folder, that is said before anything runs."""
    (folder.parents[1] / "build").write_text("a file")
    with pytest.raises(OutputFailed, match=r"cannot write to .*build"):
        take(folder)
    assert ran(folder) == []


def test_failed_judgement_is_not_remembered(folder: Path) -> None:
    """Cases that failed are judged again next time, with nothing changed."""
    broken = folder.parents[1] / "break-riva-conformance"
    broken.touch()
    with pytest.raises(StageFailed, match="riva-conformance ended with 1"):
        take(folder)
    ran(folder)

    with pytest.raises(StageFailed):
        take(folder)
    assert ran(folder) == ["start-riva", "riva-conformance"]


def test_tool_that_writes_nothing_is_caught(folder: Path) -> None:
    """Exit 0 proves nothing: an output that is not there is a failure."""
    tool = folder.parents[1] / "environment" / "bin" / "nemo2riva"
    tool.write_text("#!/bin/sh\nexit 0\n")

    with pytest.raises(StageFailed, match=r"ended with 0 but did not write words\.riva"):
        take(folder)


def test_server_that_dies_is_reported(folder: Path) -> None:
    """A server that ends before it listens fails the stage at once, with what it said."""
    (folder.parents[1] / "break-start-riva").touch()

    with pytest.raises(StageFailed, match="start-riva ended with 1 before it listened") as caught:
        take(folder)
    assert "start-riva is broken" in caught.value.why


MARKS = """\
checkpoint: {path: model.nemo}
pipeline: punctuation
language: en-US
builds: {punctuation: {}}
version: 1.0.0
"""


@pytest.fixture
def marks(folder: Path) -> Path:
    """A punctuation checkpoint beside `words`, which is served with it."""
    marks = folder.with_name("marks")
    marks.mkdir()
    (marks / "pipeline.yaml").write_text(MARKS)
    (marks / "model.nemo").write_bytes(b"more weights")
    declaration = folder / "pipeline.yaml"
    declaration.write_text(declaration.read_text() + "with: [marks]\n")
    return marks


def test_pipeline_without_modes_has_one_build(marks: Path) -> None:
    """Its stage, RMIR and model go by the checkpoint's name alone."""
    rows = take(marks)

    assert [row.output for row in rows if row.output.startswith("marks")] == ["marks.riva", "marks.rmir"]
    assert "build" in [row.stage for row in rows]
    rmir = (marks.parents[1] / "build" / "marks" / "marks.rmir").read_text()
    assert "['--language_code=en-US', '--name=marks']" in rmir


def test_companion_is_built_and_deployed_with_its_checkpoint(folder: Path, marks: Path) -> None:
    """One repository holds both; the companion is not judged by itself, and changing it judges the server again."""
    take(folder)

    assert output(folder, "models/config.pbtxt").read_text().count("rmir of") == 3
    assert ran(folder) == [*ALL[:3], *ALL]
    (marks / "model.nemo").write_bytes(b"other weights")
    take(folder)
    assert ran(folder) == ["riva-verdict", "nemo2riva", "riva-build", "riva-deploy", "start-riva", "riva-conformance"]
    take(folder)
    assert ran(folder) == []


def test_until_stops_after_a_stage(folder: Path) -> None:
    """A session of one stage runs what it needs and nothing after it."""
    take(folder, until="build")

    assert ran(folder) == ["riva-verdict", "nemo2riva", "riva-build", "riva-build"]


def test_outputs_of_another_machine_are_taken_as_given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the export ran elsewhere, the rest runs here, without the checkpoint and whatever the keys there."""
    take(folder, until="export")
    ran(folder)
    (folder / "model.nemo").unlink()
    monkeypatch.setattr(environments, "identity", lambda name: f"{name} of another architecture")

    rows = take(folder, since="build")

    assert ran(folder) == ALL[2:]
    assert [row.output for row in rows if row.reused] == ["verdict", "words.riva"]


def test_companion_of_another_machine_is_taken_as_given(folder: Path, marks: Path) -> None:
    """What is served with a checkpoint was exported where it was."""
    take(folder, until="export")
    take(marks, until="export")
    ran(folder)
    (marks / "model.nemo").unlink()

    take(folder, since="build")

    assert ran(folder) == ["riva-build", *ALL[2:]]


@pytest.mark.parametrize("damage", ["changed", "removed"])
def test_damaged_output_of_another_machine_is_refused(folder: Path, damage: str) -> None:
    """It cannot be made again here, so the run ends before anything is made of it, and says which file it is."""
    take(folder, until="export")
    ran(folder)
    riva = output(folder, "words.riva")
    riva.unlink() if damage == "removed" else riva.write_bytes(b"riva of w3ights")

    with pytest.raises(NotAsHandedOver, match=r"words\.riva: expected sha256 [0-9a-f]{64}, got"):
        take(folder, since="build")
    assert ran(folder) == []


def test_output_without_record_is_not_taken(folder: Path) -> None:
    """A file of the right name alone proves nothing."""
    output(folder, "words.riva").parent.mkdir(parents=True)
    output(folder, "words.riva").write_bytes(b"riva of weights")

    with pytest.raises(NotAsHandedOver, match="no record of the stage verdict"):
        take(folder, since="build")


def test_target_reaches_the_deployment(folder: Path) -> None:
    """The target asked for is what engines are built for; only one that the checkpoint names can be asked for."""
    declaration = folder / "pipeline.yaml"
    declaration.write_text(declaration.read_text() + "targets: [cpu, x86-gpu]\n")
    take(folder)
    ran(folder)

    take(folder, target="x86-gpu")

    assert ran(folder) == ["riva-deploy"]
    with pytest.raises(UsageError, match="jetson is none of cpu, x86-gpu"):
        take(folder, target="jetson")


def test_report_is_told_what_the_stages_made(folder: Path) -> None:
    """The facts for the report hold the table of the stages before."""
    take(folder)

    facts = json.loads(output(folder, "logs/stages.json").read_text())
    assert [row["stage"] for row in facts["Stages"]] == [
        "verdict",
        "export",
        "build-streaming",
        "build-offline",
        "deploy",
    ]


def test_two_runs_at_once_do_the_work_once(folder: Path) -> None:
    """Of two runs of the same clone the second waits and then finds everything done."""
    runs = [threading.Thread(target=take, args=(folder,)) for _ in range(2)]
    for each in runs:
        each.start()
    for each in runs:
        each.join()

    assert ran(folder) == ALL


def test_key_does_not_depend_on_where_the_repository_lies(folder: Path) -> None:
    """Two clones of the same commit have the same keys, so CI can hand outputs over."""
    words = checkpoint.Checkpoint.read(folder)
    copy = folder.parents[1] / "copy" / "words"
    copy.parent.mkdir()
    subprocess.run(["cp", "-r", folder, copy], check=True)
    export, elsewhere = (
        next(stage for stage in stages.stages_of(each, each.fetch()) if stage.kind == "export")
        for each in (words, checkpoint.Checkpoint.read(copy))
    )

    assert export.key(export.tools(local)) == elsewhere.key(elsewhere.tools(local))


def test_tools_run_in_their_environments() -> None:
    """NeMo's tool runs in the export environment, the others in the runtime environment."""
    assert local.identity("nemo2riva").startswith("export@")
    assert all(local.identity(tool).startswith("runtime@") for tool in ALL if tool != "nemo2riva")
