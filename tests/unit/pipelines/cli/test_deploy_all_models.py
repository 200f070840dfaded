"""deploy_all_models makes one repository of all RMIRs of a folder, with the key in MODEL_DEPLOY_KEY."""

from pathlib import Path

import pytest

from pipelines.archive.encryption import Key
from pipelines.cli import deploy_all_models
from pipelines.errors import MissingInput, WrongKey
from tests.tones.archive import write_riva, write_rmir

SECRET = "a key of one's own"


@pytest.fixture
def rmirs(tmp_path: Path) -> Path:
    """Two RMIRs, of which one is encrypted."""
    folder = tmp_path / "rmir"
    folder.mkdir()
    riva = write_riva(tmp_path / "tones.riva")
    write_rmir(folder / "open.rmir", riva, name="open")
    write_rmir(folder / "sealed.rmir", riva, name="sealed", key=Key(SECRET.encode()))
    return folder


def test_all_of_a_folder_are_deployed(
    rmirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one key opens what is encrypted and does no harm to what is not; it is not shown, nor warned of."""
    monkeypatch.setenv("MODEL_DEPLOY_KEY", SECRET)

    assert deploy_all_models.main([str(rmirs), str(tmp_path / "models")]) == 0
    said = capsys.readouterr()
    assert {path.name for path in (tmp_path / "models").iterdir()} >= {"open", "sealed"}
    assert "process lists" not in said.err
    assert SECRET not in said.out + said.err


def test_a_second_run_replaces_what_was_there(rmirs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """riva_init.sh may run again; a model whose RMIR is gone goes too, and that is said."""
    (rmirs / "sealed.rmir").unlink()
    words = [str(rmirs), str(tmp_path / "models")]
    assert deploy_all_models.main(words) == 0
    (rmirs / "open.rmir").unlink()
    write_rmir(rmirs / "other.rmir", tmp_path / "tones.riva", name="other")

    assert deploy_all_models.main(words) == 0
    assert "open" not in {path.name for path in (tmp_path / "models").iterdir()}
    assert "open" in capsys.readouterr().err


@pytest.mark.parametrize(("key", "code"), [("wrong", WrongKey.exit_code), ("", WrongKey.exit_code)])
def test_a_wrong_key_leaves_the_old_repository(
    rmirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, code: int
) -> None:
    """Nothing half-written: what was served before is still there."""
    before = tmp_path / "models" / "old" / "config.pbtxt"
    before.parent.mkdir(parents=True)
    before.touch()
    monkeypatch.setenv("MODEL_DEPLOY_KEY", key)

    assert deploy_all_models.main([str(rmirs), str(tmp_path / "models")]) == code
    assert before.exists()


def test_the_key_may_be_in_a_file(rmirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for the other tools, a name of a file stands for what it holds."""
    (tmp_path / "key").write_text(f"{SECRET}\n")
    monkeypatch.setenv("MODEL_DEPLOY_KEY", str(tmp_path / "key"))

    assert deploy_all_models.main([str(rmirs), str(tmp_path / "models")]) == 0


@pytest.mark.parametrize("make", [True, False])
def test_no_rmir_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], make: bool) -> None:
    """An empty folder and a missing one have their own words."""
    if make:
        (tmp_path / "rmir").mkdir()

    assert deploy_all_models.main([str(tmp_path / "rmir"), str(tmp_path / "models")]) == MissingInput.exit_code
    assert ("holds no .rmir" if make else "there is no folder") in capsys.readouterr().err
