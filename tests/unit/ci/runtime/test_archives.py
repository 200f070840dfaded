"""An image is given only archives that its tools can read; the bytes say whose they are."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ci.errors import MixedArchives
from ci.runtime import Command
from ci.runtime.archives import check_archives
from pipelines.archive.archive import Member, write_archive
from pipelines.errors import ForeignArchive, NotAnArchive


def ours(path: Path) -> Path:
    write_archive(path, {"metadata": {"format_version": 3}}, [Member("graph.onnx", b"graph")])
    return path


def eff(path: Path) -> Path:
    graph = {"artifact_type": "File", "content_callback": "BinaryContentCallback", "encryption": False}
    manifest = yaml.dump({"artifacts": {"graph.onnx": graph}}).encode()
    members = {"artifacts/graph.onnx": b"graph", "manifest.yaml": manifest}
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def build(out: Path, riva: Path) -> Command:
    return Command("riva-build", ("punctuation", "--force", out, riva), out.with_suffix(".log"))


@pytest.mark.parametrize(("make", "nvidia"), [(ours, False), (eff, True)])
def test_tools_read_their_own(tmp_path: Path, make: Callable[[Path], Path], nvidia: bool) -> None:
    """What is of the same make goes through, whatever an output that is about to be replaced is."""
    other = (ours if make is eff else eff)(tmp_path / "out.rmir")

    check_archives(build(other, make(tmp_path / "a.riva")), nvidia=nvidia)


def test_nvidias_tools_are_not_given_ours(tmp_path: Path) -> None:
    """Their own message would not say what is wrong; of an RMIR it holds as well."""
    with pytest.raises(MixedArchives, match=r"a\.riva was made by tools of this repository, and riva-build of NVIDIA"):
        check_archives(build(tmp_path / "out.rmir", ours(tmp_path / "a.riva")), nvidia=True)
    deploy = Command("riva-deploy", ("--force", ours(tmp_path / "b.rmir"), tmp_path / "models"), tmp_path / "log")
    with pytest.raises(MixedArchives, match=r"b\.rmir"):
        check_archives(deploy, nvidia=True)


def test_our_tools_are_not_given_nvidias(tmp_path: Path) -> None:
    """The archive is named as what it is, before a container is started for it."""
    with pytest.raises(ForeignArchive, match=r"a\.riva is an EFF archive"):
        check_archives(build(tmp_path / "out.rmir", eff(tmp_path / "a.riva")), nvidia=False)


def test_what_is_nobodys_is_refused_for_our_tools_only(tmp_path: Path) -> None:
    """What else NVIDIA's tools read is not known here, such as a .nemo inside: they are given it."""
    (tmp_path / "a.riva").write_bytes(b"no archive")
    check_archives(build(tmp_path / "out.rmir", tmp_path / "a.riva"), nvidia=True)
    with pytest.raises(NotAnArchive):
        check_archives(build(tmp_path / "out.rmir", tmp_path / "a.riva"), nvidia=False)
