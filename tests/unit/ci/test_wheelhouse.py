"""A folder of packages is made by the locks, and is all that an installation without an index needs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ci import wheelhouse
from ci.environments import ROOT
from ci.errors import EnvironmentFailed
from ci.interpreter import Interpreter


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """The calls of pip, each of which leaves a file of a thousand bytes."""
    calls: list[list[str]] = []

    def download(folder: Path, arguments: list[str]) -> None:
        calls.append(arguments)
        (folder / f"{len(calls)}.whl").write_bytes(bytes(1000))

    monkeypatch.setattr(wheelhouse, "_download", download)
    return calls


def test_the_pipeline_is_what_comes_by_default(
    asked: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """nox itself, the runtime, and the export with the CPU build of torch; each by its hashes."""
    assert wheelhouse.main([str(tmp_path / "wheels")]) == 0

    interpreter = Interpreter.current()
    assert interpreter is not None
    python = interpreter.minor
    locks = ["nox", f"runtime-{python}", "torch-cpu", f"export-{python}", f"export-source-{python}"]
    assert [Path(arguments[-1]).stem for arguments in asked] == locks
    assert all("--require-hashes" in arguments for arguments in asked)
    assert f"PIP_FIND_LINKS={tmp_path / 'wheels'}" in capsys.readouterr().out


def test_other_environments_can_be_named(asked: list[list[str]], tmp_path: Path) -> None:
    """Whoever runs tests offline names `dev`; a lock that two environments share is taken once."""
    wheelhouse.main([str(tmp_path), "export", "samples-nlp"])

    assert [Path(arguments[-1]).stem for arguments in asked].count("torch-cpu") == 1


def test_an_unknown_environment_is_refused_before_anything_is_downloaded(
    asked: list[list[str]], tmp_path: Path
) -> None:
    """The message names those there are."""
    with pytest.raises(EnvironmentFailed, match="no environment is called 'runtim'"):
        wheelhouse.main([str(tmp_path), "runtime", "runtim"])
    assert asked == []


def test_a_failed_download_says_what_pip_said(tmp_path: Path) -> None:
    """The last lines of pip are in the message, not in a file."""
    with pytest.raises(EnvironmentFailed) as caught:
        wheelhouse._download(tmp_path, ["--requirement", str(tmp_path / "missing.txt")])
    assert "missing.txt" in caught.value.why


@pytest.mark.full
@pytest.mark.network
def test_an_environment_is_set_up_without_an_index(tmp_path: Path) -> None:
    """In a new clone that knows no index, nox and its environments come from the folder alone."""
    wheels, clone = tmp_path / "wheels", tmp_path / "clone"
    assert wheelhouse.main([str(wheels), "lock"]) == 0
    clone.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("checkpoints/", "tests/")):
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    offline = {
        **{name: value for name, value in os.environ.items() if not name.upper().startswith(("PIP_", "UV_"))},
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "HTTPS_PROXY": "http://127.0.0.1:9",  # nobody: whoever tries the network fails
    }

    done = subprocess.run(
        [clone / "scripts" / "nox", "-s", "lock", "--", "--help"],
        env=offline,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Setting up the lock environment" in done.stderr
    assert "usage: nox -s lock" in done.stdout
