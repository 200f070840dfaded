"""riva-deploy speaks as NVIDIA's tool does, and says what is wrong in one message."""

import re
import subprocess
import sys

import pytest

from pipelines.cli import riva_deploy
from tests.tones.archive import write_riva, write_rmir

LOG_LINE = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[INFO\] "


@pytest.fixture
def rmir(tmp_path):
    return write_rmir(tmp_path / "tones.rmir", write_riva(tmp_path / "tones.riva"), name="tones")


def test_it_writes_the_repository_and_says_so(rmir, tmp_path):
    """The lines that scripts look for are on stderr, the result on stdout."""
    command = [sys.executable, "-m", "pipelines.cli.riva_deploy", str(rmir), str(tmp_path / "models")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    out, err = done.stdout, done.stderr
    assert out == f"Model repository saved to {tmp_path / 'models'}: riva-onnx-tones-am-streaming, tones\n"
    assert re.search(rf"{LOG_LINE}Writing Riva model repository to '{tmp_path / 'models'}'\.\.\.$", err, re.MULTILINE)
    assert re.search(rf"{LOG_LINE}The riva model repo target directory is ", err, re.MULTILINE)


def test_force_may_stand_last(rmir, tmp_path):
    """`-f` works before and after the words; without it an existing folder is refused."""
    (tmp_path / "models").mkdir()

    assert riva_deploy.main([str(rmir), str(tmp_path / "models")]) == 20
    assert riva_deploy.main([str(rmir), str(tmp_path / "models"), "-f"]) == 0
    assert riva_deploy.main(["--force", str(rmir), str(tmp_path / "models")]) == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 64, "RMIR"),
        (["models"], 64, "expected at least one RMIR"),
        (["gone.rmir", "models"], 13, "gone.rmir"),
        (["--bogus", "a.rmir", "models"], 64, "--bogus"),
        (["--target=jetson", "a.rmir", "models"], 64, "--target"),
    ],
)
def test_a_wrong_call_is_one_message(tmp_path, monkeypatch, capsys, words, code, said):
    """Usage errors and missing files have their exit codes, and no traceback."""
    monkeypatch.chdir(tmp_path)

    assert riva_deploy.main(words) == code

    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["a.rmir:hunter2"], ["a.rmir", "b.rmir:hunter2"], ["a.rmir", "b.rmir"]])
def test_a_forgotten_target_is_told_without_the_key(tmp_path, monkeypatch, capsys, words):
    """The last RMIR is not taken for the folder, where its key would become a part of the folder's name."""
    monkeypatch.chdir(tmp_path)

    assert riva_deploy.main(words) == 64

    assert "then the target folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_typed_key_is_warned_of_once(tmp_path, monkeypatch, capsys):
    """The alternative is named; the key is not shown."""
    monkeypatch.chdir(tmp_path)

    assert riva_deploy.main(["a.rmir:hunter2", "b.rmir:hunter2", "models"]) == 13

    said = capsys.readouterr().err
    assert said.count("process lists") == 1
    assert "RIVA_KEY_FILE" in said
    assert "hunter2" not in said


def test_help_shows_how_it_is_called(capsys):
    """Every flag is in the help."""
    with pytest.raises(SystemExit):
        riva_deploy.main(["--help"])

    text = capsys.readouterr().out
    assert all(flag in text for flag in ("-f", "--force", "--target", "--verbose"))
