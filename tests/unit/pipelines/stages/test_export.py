"""What the export refuses before NeMo is started."""

import dataclasses
import json
import os
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.cli import nemo2riva
from pipelines.errors import BrokenCheckpoint, ExportFailed, UnsafeCheckpoint
from pipelines.export import environment, work_folder
from pipelines.export.job import ExportJob
from pipelines.export.options import ExportOptions
from pipelines.stages import export as stage
from pipelines.stages.export import ExportRequest
from pipelines.verdict.clean import CleanCheckpoint
from tests.exports import COMPARISON, EXPORT, ISOLATION
from tests.nemo_checkpoints import CTC_BPE, config, write_nemo

CLEAN = CleanCheckpoint(path=Path("clean.nemo"), sha256="1" * 64, size=1, source_sha256="2" * 64)
HYBRID = "nemo.collections.asr.models.hybrid_rnnt_ctc_models.EncDecHybridRNNTCTCModel"


@pytest.fixture(autouse=True)
def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals come before the long work: starting a process fails the test."""

    def refuse(*_arguments: Any, **_named: Any) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(stage, "child", refuse)
    monkeypatch.setattr(environment.importlib.metadata, "version", lambda _name: "3.0.0")


@pytest.mark.parametrize(
    ("out", "subnet", "expected"),
    [
        (None, None, "folder/a.riva"),
        ("other/b.nemo", None, "other/b.riva"),
        ("other/b", None, "other/b.riva"),
        ("b.v2", None, "b.riva"),
        (None, "encoder", "folder/a-encoder.riva"),
    ],
)
def test_the_output_is_named_as_upstream_does(out: str | None, subnet: str | None, expected: str) -> None:
    """The extension is always replaced by .riva, and a part's name is added to the stem."""
    options = ExportOptions(out=Path(out) if out else None, export_subnet=subnet)

    assert ExportRequest(source=Path("folder/a.nemo"), options=options).output == Path(expected)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--verbose", "LOUD"], 64, "Invalid log level: LOUD"),
        (["--format", "trt"], 64, "Format `TRT` is invalid"),
        (["--format", "ts"], 64, "--format TS is not exported here"),
        (["--cache-support", "yes"], 64, "--cache-support is not supported"),
        (["--export-config", "a=1", "b"], 64, "Use correct format for --export_config: k=v"),
        (["--onnx-opset", "19", "--riva-version", "2.16"], 34, "opset 19, Riva 2.16.0 takes 18"),
        (["--max-dim", "0"], 64, "expected at least 1"),
        (["--time-limit", "0"], 64, "--time-limit 0: expected at least 1"),
        (["--memory-limit", "much"], 64, "'much' is not a size"),
        (["--riva-version", "9"], 64, "not in the compatibility table"),
        (["--autocast=perhaps"], 64, "expected True or False"),
        (["--schema", "nowhere.yaml"], 13, "there is no schema"),
        (["--nothing"], 64, "unknown option"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_options_are_checked_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    """A wrong option is said at once, without a traceback, and nothing is written."""
    source = write_nemo(tmp_path / "a.nemo")

    assert nemo2riva.main([str(source), *arguments]) == code

    said = capsys.readouterr().err
    assert message in said
    assert [file.name for file in tmp_path.iterdir()] == ["a.nemo"]


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        ({"configuration": config(HYBRID)}, 30, "convert_nemo_asr_hybrid_to_ctc.py"),
        ({"configuration": config(CTC_BPE)}, 31, "tokenizer-present"),
        (None, 13, "there is no file"),
    ],
    ids=["hybrid", "tokenizer_missing", "missing"],
)
def test_checkpoints_are_judged_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: dict[str, Any] | None, code: int, message: str
) -> None:
    """A checkpoint that cannot be exported is refused before anything in it runs."""
    source = tmp_path / "a.nemo"
    if make is not None:
        write_nemo(source, **make)

    assert nemo2riva.main([str(source)]) == code

    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "a.riva").exists()


def test_an_existing_output_is_refused_before_the_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody waits for an export that cannot be written."""
    (tmp_path / "a.riva").write_text("precious")

    assert nemo2riva.main([str(write_nemo(tmp_path / "a.nemo"))]) == 20

    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "a.riva").read_text() == "precious"


def test_a_schema_that_wants_a_key_gets_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A schema that asks for encryption refuses to export without a key, in upstream's words."""
    (tmp_path / "s.yaml").write_text("artifact_properties:\n  - model_graph.onnx:\n      encryption: true\n")
    source = write_nemo(tmp_path / "a.nemo")

    assert nemo2riva.main([str(source), "--schema", str(tmp_path / "s.yaml")]) == 64
    assert "model_graph.onnx requires encryption and no key was given" in capsys.readouterr().err


@pytest.mark.parametrize("installed", ["1.0.9", "0.11"])
def test_an_old_nemo_is_a_note_or_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], installed: str
) -> None:
    """With --validate a NeMo older than the schema asks for is refused."""
    monkeypatch.setattr(environment.importlib.metadata, "version", lambda _name: installed)

    assert nemo2riva.main([str(write_nemo(tmp_path / "a.nemo")), "--validate"]) == 35
    assert f"requires nemo_toolkit >=1.1, {installed} is installed" in capsys.readouterr().err


def test_a_full_work_folder_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk that fills up while the clean copy is written ends in one message, and the work folder goes."""

    def full(*_arguments: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(work_folder.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(stage, "child", lambda *_arguments, **_named: nullcontext(SimpleNamespace(isolation=ISOLATION)))
    monkeypatch.setattr(stage, "write_clean", full)

    assert nemo2riva.main([str(write_nemo(tmp_path / "a.nemo"))]) == 22
    assert "No space left on device" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["a.nemo"]


def test_the_processes_get_a_clean_copy_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is sent to the NeMo process names the clean copy, without training data, in a folder without the source."""
    sent: list[dict[str, Any]] = []
    configurations: list[str] = []

    def send(message: dict[str, Any]) -> None:
        sent.append(message)
        with NemoCheckpoint.open(Path(message["archive"])) as clean:
            configurations.append(clean.read("model_config.yaml").decode())
        raise ExportFailed("enough")

    process = SimpleNamespace(isolation=ISOLATION, send=send)
    monkeypatch.setattr(stage, "child", lambda *_arguments, **_named: nullcontext(process))
    source = write_nemo(tmp_path / "a.nemo")

    assert nemo2riva.main([str(source)]) == ExportFailed.exit_code

    assert str(source) not in json.dumps(sent)
    assert "train_ds" not in configurations[0]
    assert "Sandbox: network closed; system calls" in capsys.readouterr().err


def test_a_checkpoint_that_changed_meanwhile_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The clean copy is judged, too: nobody wins a race against the verdict."""

    def changed(checkpoint: NemoCheckpoint, path: Path) -> CleanCheckpoint:
        write_nemo(path, members={"./model_weights.ckpt": b"\x80\x02cos\nsystem\n."})
        return dataclasses.replace(CLEAN, path=path)

    process = SimpleNamespace(isolation=ISOLATION, send=lambda _message: pytest.fail("it was sent"))
    monkeypatch.setattr(stage, "child", lambda *_arguments, **_named: nullcontext(process))
    monkeypatch.setattr(stage, "write_clean", changed)

    assert nemo2riva.main([str(write_nemo(tmp_path / "a.nemo"))]) == UnsafeCheckpoint.exit_code
    assert "os.system" in capsys.readouterr().err


def test_a_checkpoint_that_changes_during_the_export_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The archive also gets members that NeMo never saw: they must be those that were judged."""
    source = write_nemo(tmp_path / "a.nemo")

    def run(job: ExportJob, *_arguments: Any, **_named: Any) -> Any:
        Path(job.graph).write_bytes(b"graph")
        write_nemo(source, config(decoder={"num_classes": 9, "vocabulary": ["a"]}))
        return SimpleNamespace(export=EXPORT, comparison=COMPARISON, clean=CLEAN, isolation=ISOLATION)

    monkeypatch.setattr(stage, "_run", run)

    assert nemo2riva.main([str(source)]) == BrokenCheckpoint.exit_code

    assert "changed while it was exported" in capsys.readouterr().err
    assert not (tmp_path / "a.riva").exists()


def test_a_graph_that_differs_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the comparison fails, the error says by how much, an older output stays, and no work folder is left."""
    done = SimpleNamespace(
        export=EXPORT, comparison=dataclasses.replace(COMPARISON, single_error=0.02), clean=None, isolation=ISOLATION
    )
    monkeypatch.setattr(stage, "_run", lambda *_arguments, **_named: done)
    monkeypatch.setattr(work_folder.tempfile, "tempdir", str(tmp_path))
    (tmp_path / "a.riva").write_text("older")

    assert nemo2riva.main([str(write_nemo(tmp_path / "a.nemo")), "-f"]) == 33

    assert "differs from the checkpoint by 0.02, one item at a time" in capsys.readouterr().err
    assert (tmp_path / "a.riva").read_text() == "older"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.nemo", "a.riva"]


def test_an_old_riva_is_warned_of_before_the_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The guide's own command for Riva 2.16 prints the advisories of that server, and goes on."""
    nemo2riva.main([str(write_nemo(tmp_path / "a.nemo")), "--riva-version=2.16"])

    said = capsys.readouterr().err
    assert "a process was started" in said
    assert "warning: Riva 2.16.0 carries CVE-2025-23242 (high)" in said
    assert "CVE-2025-23243" in said
