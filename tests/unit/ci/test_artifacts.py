"""What one job hands to another arrives as it was sent, or is refused."""

from pathlib import Path

import pytest

from ci import artifacts
from ci.artifacts import main, pack, unpack
from ci.errors import NotAsHandedOver
from ci.pipeline.content import digest_of
from ci.pipeline.records import Record


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Outputs of the checkpoint `words`: verdict, export and a build, with records and logs."""
    build = tmp_path / "build"
    monkeypatch.setattr(artifacts, "BUILD", build)
    files = {"verdict/verdict.json": "{}", "words.riva": "riva", "words.rmir": "rmir", "logs/export.log": "done"}
    for name, text in files.items():
        (build / "words" / name).parent.mkdir(parents=True, exist_ok=True)
        (build / "words" / name).write_text(text)
    for stage, output in (("verdict", "verdict"), ("export", "words.riva"), ("build-offline", "words.rmir")):
        content = digest_of(build / "words" / output)
        assert content is not None
        (build / "words" / ".state").mkdir(exist_ok=True)
        Record("key", {output: content}, {stage: 1.0}, {}).write(build / "words" / ".state" / f"{stage}.json")
    return build


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_outputs_of_stages_go_with_all_records(build: Path, tmp_path: Path) -> None:
    """The files of the stages named, and what is known of every stage; nothing else."""
    folder = pack("words", stages=["verdict", "export"], to=tmp_path / "sent")

    assert folder == tmp_path / "sent" / "words"
    assert files(folder) == {
        "SHA256SUMS",
        "verdict/verdict.json",
        "words.riva",
        "logs/export.log",
        ".state/verdict.json",
        ".state/export.json",
        ".state/build-offline.json",
    }


def test_what_arrives_is_put_in_place(build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the other machine the stages find it where they look; what was there before is replaced."""
    pack("words", stages=["verdict", "export"], to=tmp_path / "sent")
    there = tmp_path / "another machine" / "build"
    monkeypatch.setattr(artifacts, "BUILD", there)
    (there / "words" / "verdict").mkdir(parents=True)
    (there / "words" / "verdict" / "old.md").write_text("an older verdict")
    (there / "words" / "words.riva").write_text("an older export")

    assert unpack(tmp_path / "sent") == ["words"]
    assert (there / "words" / "words.riva").read_text() == "riva"
    assert files(there / "words" / "verdict") == {"verdict.json"}


def test_targets_do_not_meet(build: Path, tmp_path: Path) -> None:
    """Results of several targets are received into one folder."""
    for target in ("cpu", "jetson"):
        pack("words", stages=["build"], to=tmp_path / "sent", target=target)

    assert {"words/cpu/words.rmir", "words/jetson/words.rmir", "words/cpu/SHA256SUMS"} <= files(tmp_path / "sent")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda folder: (folder / "words.riva").write_text("rivb"), "words.riva has sha256", id="changed"),
        pytest.param(lambda folder: (folder / "words.riva").unlink(), "words.riva is missing", id="lost"),
        pytest.param(lambda folder: (folder / "more").write_text("x"), "more is not listed", id="added"),
        pytest.param(lambda folder: (folder / "SHA256SUMS").unlink(), "there is no SHA256SUMS", id="no digests"),
    ],
)
def test_damage_on_the_way_is_refused(build: Path, tmp_path: Path, damage: object, message: str) -> None:
    """Nothing is put in place of what was damaged, and the exit code is one of its own."""
    folder = pack("words", stages=["verdict", "export"], to=tmp_path / "sent")
    (build / "words" / "words.riva").unlink()
    damage(folder)  # type: ignore[operator]

    with pytest.raises(NotAsHandedOver, match=message):
        unpack(tmp_path / "sent")
    assert not (build / "words" / "words.riva").exists()
    assert main(["unpack", str(tmp_path / "sent")]) == NotAsHandedOver.exit_code


def test_stage_that_failed_is_not_handed_over(build: Path, tmp_path: Path) -> None:
    """A stage without a record did not end well; its file may lie there all the same."""
    (build / "words" / ".state" / "export.json").unlink()

    with pytest.raises(NotAsHandedOver, match="no record of the stage export"):
        pack("words", stages=["verdict", "export"], to=tmp_path / "sent")


def test_output_that_was_changed_since_is_not_handed_over(build: Path, tmp_path: Path) -> None:
    """What is sealed is what the stage wrote."""
    (build / "words" / "words.riva").write_text("another")

    with pytest.raises(NotAsHandedOver, match="the outputs of export are not what its record says"):
        pack("words", stages=["export"], to=tmp_path / "sent")
