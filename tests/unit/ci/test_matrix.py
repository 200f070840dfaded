"""The plan of a run: which jobs, on which runners, and what is left out for which reason."""

import json
from pathlib import Path

import pytest

from ci import matrix
from ci.changes import Change
from ci.errors import TooManyJobs, UnknownCheckpoint
from ci.matrix import Declared, Plan, main, plan
from ci.targets import Target, Targets
from tests.github.conftest import github, slept  # noqa: F401 - fixtures
from tests.github.server import FakeGitHub

DECLARED = {
    "asr": Declared(("cpu", "x86-gpu", "jetson"), ("marks",)),
    "marks": Declared(),
}
CPU = Target(name="cpu", runs_on=("ubuntu-24.04",), runtime="local")
JETSON = Target(name="jetson", runs_on=("self-hosted", "jetson"), runtime="container", group="edge")
OFF = Target(name="x86-gpu", runs_on=("self-hosted", "gpu"), runtime="container", enabled=False)
NVIDIA = Target(name="jetson", runs_on=("a", "b"), runtime="container", export_image="nemo", needs_secret="NGC_API_KEY")


def made(*names: str, targets: tuple[Target, ...] = (CPU, OFF), **options: tuple[str, ...]) -> Plan:
    change = Change(names, "changed", touches_code=False)
    known = Targets("2.19.0", {target.name: target for target in targets})
    return plan(change, declared=DECLARED, targets=known, **options)


def matrix_of(made: Plan, name: str) -> list[dict[str, object]]:
    return list(json.loads(made.outputs()[name])["include"])


def test_a_fork_without_runners_goes_green_on_cpu() -> None:
    """What cannot be used is skipped with its reason, not queued."""
    result = made("asr")

    assert [entry["target"] for entry in matrix_of(result, "judge")] == ["cpu"]
    assert [(skip.target, skip.reason) for skip in result.skips] == [
        ("x86-gpu", "it is not enabled in ci/targets.yaml"),
        ("jetson", "it is not enabled in ci/targets.yaml"),
    ]
    assert "| asr | jetson | skipped: it is not enabled in ci/targets.yaml |" in result.as_markdown()


def test_a_missing_secret_is_named() -> None:
    """With the secret the target is used."""
    (skip,) = (each for each in made("asr", targets=(CPU, NVIDIA)).skips if each.target == "jetson")

    assert skip.reason == "the secret NGC_API_KEY is not set here"
    assert "jetson" in str(made("asr", targets=(CPU, NVIDIA), secrets=("NGC_API_KEY",)).outputs()["judge"])


def test_companions_are_exported_once_and_handed_to_each_lane() -> None:
    """What is served with a checkpoint has to be built with it; minimatch takes the names apart."""
    result = made("asr", "marks")

    assert [entry["artifact"] for entry in matrix_of(result, "export")] == ["export-asr", "export-marks"]
    assert [(entry["checkpoint"], entry["exports"]) for entry in matrix_of(result, "judge")] == [
        ("asr", "@(export-asr|export-marks)"),
        ("marks", "export-marks"),
    ]


def test_images_of_nvidia_get_exports_of_their_own() -> None:
    """NVIDIA's riva-build reads no export of this repository."""
    result = made("marks", "asr", targets=(CPU, NVIDIA), secrets=("NGC_API_KEY",))

    assert {(entry["artifact"], entry["image"]) for entry in matrix_of(result, "export")} == {
        ("export-marks", ""),
        ("export-asr", ""),
        ("export-asr-nvidia", "nemo"),
        ("export-marks-nvidia", "nemo"),
    }


def test_runner_groups_reach_the_workflow() -> None:
    """A group stands beside the labels, and the lane is one of the team's own machines."""
    (entry,) = (
        entry for entry in matrix_of(made("asr", targets=(CPU, JETSON)), "judge") if entry["target"] == "jetson"
    )

    assert entry["runs-on"] == {"group": "edge", "labels": ["self-hosted", "jetson"]}
    assert entry["self-hosted"] is True
    assert made("asr", targets=(CPU, JETSON)).outputs()["self-hosted"] == "true"


def test_a_pull_request_uses_what_it_may() -> None:
    """Whatever ci/targets.yaml says in it."""
    result = made("asr", targets=(CPU, JETSON), only=("cpu",))

    assert [lane.target.name for lane in result.lanes] == ["cpu"]
    assert {skip.reason for skip in result.skips} == {"this run uses cpu only"}


def test_nothing_to_do_is_said() -> None:
    """An empty matrix is an error of GitHub's; `any` lets the jobs be skipped instead."""
    result = made()

    assert result.outputs()["any"] == "false"
    assert "Nothing to build: the run ends here." in result.as_markdown()


def test_more_jobs_than_github_takes_are_refused() -> None:
    """Rather than leaving some out in silence."""
    names = tuple(f"model-{number}" for number in range(257))
    change = Change(names, "everything", touches_code=True)

    with pytest.raises(TooManyJobs, match="257 checkpoints make 257 jobs; a matrix takes 256"):
        plan(change, declared=dict.fromkeys(names, Declared()), targets=Targets("2.19.0", {"cpu": CPU}))


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A step of GitHub Actions; the file of its outputs."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    return tmp_path / "outputs"


def test_samples_are_planned(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command on this very repository: both samples, the recogniser with its punctuator."""
    assert main(["--all"]) == 0

    text = outputs.read_text()
    assert '"exports": "@(export-asr-en-US-commands|export-punctuation-en-US)"' in text
    assert "on ubuntu-24.04" in capsys.readouterr().out


def test_pattern_that_matches_nothing_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """A run by hand for a misspelt checkpoint would be green and have done nothing."""
    assert main(["--only", "asr-xx-*"]) == UnknownCheckpoint.exit_code
    assert "known: asr-en-US-commands" in capsys.readouterr().err


def test_a_broken_declaration_fails_in_its_own_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan goes on for the others; the export says what is wrong, with file and line."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "pipeline.yaml").write_text("checkpoint: [")
    monkeypatch.setattr(matrix, "find_checkpoints", lambda names: [tmp_path / "broken"])

    assert matrix.declarations() == {"broken": Declared()}


def test_the_last_good_judgement_is_the_base(
    github: FakeGitHub,  # noqa: F811
    outputs: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What failed, or was not taken by a run by hand, is not forgotten by the next push."""
    for number, event, conclusion in ((1, "push", "success"), (2, "push", "failure"), (3, "dispatch", "success")):
        github.repository.runs[number] = {
            "id": number,
            "event": event,
            "status": "completed",
            "conclusion": conclusion,
            "head_branch": "main",
            "head_sha": f"{number}" * 40,
            "path": ".github/workflows/push.yml",
            "html_url": "https://x",
        }
    asked: list[str] = []
    monkeypatch.setattr(matrix, "changed_paths", lambda base, head, *, repository: asked.append(base) or [])

    assert main(["--judged-branch", "main"]) == 0
    assert asked == ["1" * 40]
    assert "baseline<<" in outputs.read_text()
    assert "\n1\n" in outputs.read_text()
