"""download_ngc_models drives NVIDIA's ngc command, for which a script stands in that takes the same arguments."""

import os
from pathlib import Path

import pytest

from pipelines.cli import download_ngc_models
from pipelines.errors import DownloadFailed, NgcMissing, UsageError

NAME = "nvidia/riva/rmir_asr_conformer_en_us_str:2.19.0"
# `ngc registry model download-version NAME --dest FOLDER` makes a folder of the name and version in FOLDER.
STAND_IN = """#!/bin/sh
[ "$1 $2 $3 $5" = "registry model download-version --dest" ] || exit 64
echo "$NGC_CLI_ORG $NGC_CLI_API_KEY" >"$NGC_RECORD"
mkdir "$6/model_v2.19.0" && cd "$6/model_v2.19.0" || exit
"""


@pytest.fixture
def ngc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path for the stand-in, the key, and where it records what it was given."""
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("NGC_CLI_API_KEY", "secret")
    monkeypatch.setenv("NGC_RECORD", str(tmp_path / "record"))
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin" / "ngc"


def stand_in(ngc: Path, does: str) -> None:
    ngc.write_text(STAND_IN + does)
    ngc.chmod(0o755)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_models_come_to_their_places(ngc: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """RMIRs and Jetson's prebuilt repositories, whole, and nothing else; the key is in a variable and not shown."""
    stand_in(ngc, "echo a >asr.rmir; echo b >models.tar.gz; echo c >README.md")

    assert download_ngc_models.main([f"--data={tmp_path / 'data'}", NAME]) == 0
    said = capfd.readouterr()
    assert files(tmp_path / "data") == ["prebuilt/models.tar.gz", "rmir/asr.rmir"]
    assert (tmp_path / "record").read_text() == "nvidia secret\n"
    assert NAME in said.out
    assert "secret" not in said.out + said.err


@pytest.mark.parametrize(
    ("does", "said"), [("echo half >asr.rmir; exit 3", "it ended with 3"), ("echo c >a.riva", "holds neither a .rmir")]
)
def test_a_failed_download_leaves_nothing(
    ngc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], does: str, said: str
) -> None:
    """Half a file is not taken for a model."""
    stand_in(ngc, does)

    assert download_ngc_models.main([f"--data={tmp_path / 'data'}", NAME]) == DownloadFailed.exit_code
    assert said in capsys.readouterr().err
    assert files(tmp_path / "data") == []


def test_without_a_key(ngc: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named which variable is missing; the one of riva_init.sh does as well."""
    stand_in(ngc, "echo a >asr.rmir")
    monkeypatch.delenv("NGC_CLI_API_KEY")

    assert download_ngc_models.main([NAME]) == NgcMissing.exit_code
    assert "NGC_CLI_API_KEY is not set" in capsys.readouterr().err


def test_without_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ngc command is NVIDIA's; where to get it is said."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert download_ngc_models.main([NAME]) == NgcMissing.exit_code
    assert "setup/installers/cli" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["rmir_asr", "a/b/c/d:1", "a:1:2"])
def test_what_names_no_model(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A name without a version, or with too many parts, is refused before anything is asked."""
    assert download_ngc_models.main([name]) == UsageError.exit_code
    assert name in capsys.readouterr().err
