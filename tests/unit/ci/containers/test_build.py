"""What an image is called, and what the engine is sent."""

import io
import tarfile
from pathlib import Path

import pytest

from ci.containers.build import FILE_TIME, _write_context, image_name


@pytest.mark.parametrize(
    ("target", "architecture", "name"),
    [
        ("speech", "amd64", "mine/asr/riva-speech:2.16.0"),
        ("servicemaker", "amd64", "mine/asr/riva-speech:2.16.0-servicemaker"),
        ("speech", "arm64", "mine/asr/riva-speech:2.16.0-l4t-aarch64"),
        ("servicemaker", "arm64", "mine/asr/riva-speech:2.16.0-servicemaker-l4t-aarch64"),
    ],
)
def test_names_are_those_of_nvidias_images(target: str, architecture: str, name: str) -> None:
    """But for the repository, so that a script needs one change."""
    assert image_name(target, prefix="mine/asr", version="2.16.0", architecture=architecture) == name


def test_the_context_knows_no_machine(tmp_path: Path) -> None:
    """Neither time, owner nor umask of the machine that builds reach a layer; what is executable stays so."""
    (tmp_path / "tree").mkdir(mode=0o700)
    (tmp_path / "tree" / "script").write_text("#!/bin/sh\n")
    (tmp_path / "tree" / "script").chmod(0o700)
    (tmp_path / "tree" / "open").mkdir()
    (tmp_path / "tree" / "open").chmod(0o1777)
    written = io.BytesIO()

    _write_context(written, {"speech": [tmp_path / "tree"]})

    written.seek(0)
    with tarfile.open(fileobj=written) as tar:
        members = {member.name: member for member in tar.getmembers()}
    assert set(members) == {"Dockerfile", "speech", "speech/open", "speech/script"}
    assert {(m.mtime, m.uid, m.gid, m.uname) for m in members.values()} == {(FILE_TIME, 0, 0, "")}
    assert [oct(members[f"speech{name}"].mode) for name in ("", "/script", "/open")] == ["0o755", "0o755", "0o1777"]
