"""One machine's part of a run does what ci/targets.yaml says of its target."""

from pathlib import Path

import pytest

from ci import lane
from ci.errors import WrongEngine
from ci.lane import main
from ci.targets import Target, Targets
from pipelines.errors import UsageError

TARGETS = Targets(
    "2.19.0",
    {
        "cpu": Target(name="cpu", runs_on=("ubuntu-24.04",), runtime="local"),
        "x86-gpu": Target(name="x86-gpu", runs_on=("a",), runtime="container"),
        "jetson": Target(name="jetson", runs_on=("b",), runtime="container", image_prefix="riva-ci"),
    },
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """What the pipeline was asked for; it made a repository that runs on the CPU."""
    asked: list[list[str]] = []
    monkeypatch.setattr(lane, "pipeline", lambda arguments: asked.append(arguments) or 0)
    monkeypatch.setattr(lane, "BUILD", tmp_path)
    monkeypatch.setattr(Targets, "read", lambda: TARGETS)
    model = tmp_path / "words" / "models" / "riva-onnx-words"
    model.mkdir(parents=True)
    (model / "config.pbtxt").write_text('name: "riva-onnx-words" backend: "python" instance_group { kind: KIND_CPU }')
    return asked


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["export", "words"], ["words", "--until", "export"]),
        (
            ["export", "words", "--image", "nemo"],
            ["words", "--until", "export", "--runtime", "container", "--export-image", "nemo"],
        ),
        (
            ["judge", "words", "--target", "cpu"],
            ["words", "--from", "build", "--target", "cpu", "--runtime", "local"],
        ),
    ],
)
def test_the_pipeline_does_the_work(asked: list[list[str]], words: list[str], expected: list[str]) -> None:
    """The same command as by hand, with what the target says."""
    assert main(words) == 0
    assert asked == [expected]


@pytest.mark.parametrize(("target", "prefix"), [("x86-gpu", []), ("jetson", ["--image-prefix", "riva-ci"])])
def test_gpu_lane_that_used_the_cpu_fails(
    asked: list[list[str]], capsys: pytest.CaptureFixture[str], target: str, prefix: list[str]
) -> None:
    """However well the judgement went."""
    assert main(["judge", "words", "--target", target]) == WrongEngine.exit_code
    assert asked == [["words", "--from", "build", "--target", target, "--runtime", "container", *prefix]]
    assert "riva-onnx-words: ONNX Runtime on the CPU" in capsys.readouterr().err


def test_the_engine_is_said(asked: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    """Who reads the log knows what ran the network."""
    main(["judge", "words", "--target", "cpu"])

    assert "- riva-onnx-words: ONNX Runtime on the CPU" in capsys.readouterr().out


def test_failed_pipeline_fails_the_lane(asked: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """With its own exit code; nothing is said of engines then."""
    monkeypatch.setattr(lane, "pipeline", lambda arguments: 94)

    assert main(["judge", "words", "--target", "cpu"]) == 94


def test_target_without_images_pulls_none(asked: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    """The step may be there for every target."""
    assert main(["pull", "words", "--target", "cpu"]) == 0
    assert "runs in no image" in capsys.readouterr().out


def test_unknown_target_is_named(asked: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    """With those that there are."""
    assert main(["judge", "words", "--target", "dgx"]) == UsageError.exit_code
    assert "cpu, x86-gpu, jetson" in capsys.readouterr().err
