"""Archives as a user meets them: what goes in comes out, and whatever is wrong with a file is said."""

import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.archive.archive import Archive, Member, write_archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.archive.encryption import Key
from pipelines.errors import (
    ForeignArchive,
    MissingInput,
    NotAnArchive,
    OutputExists,
    TruncatedArchive,
    UsageError,
    WrongKey,
)

KEY = Key(b"correct horse")
GRAPH = os.urandom(3 * 2**20 + 17)  # over three encryption chunks, not a multiple of one
MEMBERS = (Member("model_config.yaml", b"target: x\n"), Member("model_graph.onnx", GRAPH, encrypt=True))


def write(path: Path, *, key: Key | None = None, whole: bool = False) -> Path:
    write_archive(path, {"metadata": {"format_version": 3}}, MEMBERS, key=key, whole=whole)
    return path


@pytest.mark.parametrize(("key", "whole"), [(None, False), (KEY, False), (KEY, True)], ids=["plain", "member", "whole"])
def test_members_come_out_as_they_went_in(tmp_path: Path, key: Key | None, whole: bool) -> None:
    """An archive gives back every member and the manifest, encrypted or not."""
    path = write(tmp_path / "a.riva", key=key, whole=whole)

    (tmp_path / "graph").write_text("older")
    with Archive.open(EncryptedPath(path, key)) as archive:
        archive.extract("model_graph.onnx", tmp_path / "graph")
        assert [*archive.names()] == ["model_config.yaml", "model_graph.onnx"]
        assert archive.manifest["metadata"] == {"format_version": 3}
        assert archive.read("model_config.yaml") == b"target: x\n"

    assert (tmp_path / "graph").read_bytes() == GRAPH


@pytest.mark.parametrize("mode", ["", "gz"])
def test_plain_tar_and_gzip_are_read(tmp_path: Path, mode: str) -> None:
    """Plain `tar` opens what we write, and we read what gzip compressed."""
    path = write(tmp_path / "a.riva")
    listed = subprocess.run(["tar", "-tf", path], check=True, capture_output=True, text=True).stdout.split()
    assert listed == ["artifacts/model_config.yaml", "artifacts/model_graph.onnx", "manifest.yaml"]
    if mode:
        subprocess.run(["gzip", path], check=True)
        path = path.with_name("a.riva.gz")

    with Archive.open(EncryptedPath(path)) as archive:
        assert archive.read("model_graph.onnx") == GRAPH


def test_same_members_give_same_bytes(tmp_path: Path) -> None:
    """Two builds of the same thing are identical files."""
    first, second = write(tmp_path / "a.riva"), write(tmp_path / "b.riva")

    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("key", [None, Key(b"wrong")], ids=["none", "wrong"])
def test_wrong_key_is_refused(tmp_path: Path, key: Key | None, whole: bool) -> None:
    """Without the right key no byte of an encrypted graph comes out."""
    path = write(tmp_path / "a.riva", key=KEY, whole=whole)

    with pytest.raises(WrongKey), Archive.open(EncryptedPath(path, key)) as archive:
        archive.open_member("model_graph.onnx").read(1)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("keep", [30, 600, 1024, 2**20 + 16 + 57, 2 * 2**20, -10240, -1024, -1])
def test_a_truncated_archive_is_told_as_that(tmp_path: Path, keep: int, whole: bool) -> None:
    """A file cut anywhere is refused when it is opened, at the border of a chunk or member too, with or without key."""
    path = write(tmp_path / "a.rmir", key=KEY if whole else None, whole=whole)
    whole_file = path.read_bytes()
    path.write_bytes(whole_file[:keep])

    if keep in (-1024, -1) and not whole:  # only filling after the end is gone
        with Archive.open(EncryptedPath(path)) as archive:
            assert archive.read("model_graph.onnx") == GRAPH
    else:
        with pytest.raises(TruncatedArchive if keep != 30 or whole else NotAnArchive):
            Archive.open(EncryptedPath(path, KEY))


def rewrite(path: Path, change: Callable[[dict[str, Any]], object], *, extra: str = "", mode: str = "w") -> Path:
    """Packs an archive anew with a changed manifest, as somebody with `tar` and an editor would."""
    with tarfile.open(path) as tar:
        members = {entry.name: tar.extractfile(entry).read() for entry in tar}
    manifest = yaml.safe_load(members["manifest.yaml"])
    change(manifest)
    members["manifest.yaml"] = yaml.safe_dump(manifest).encode()
    with tarfile.open(path, mode) as tar:
        for name, content in [*members.items(), *([(extra, b"extra")] if extra else [])]:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.pop("artifacts"), "lists no artifacts"),
        (lambda m: m.update(artifacts=["model_graph.onnx"]), "lists no artifacts"),
        (lambda m: m["artifacts"]["model_graph.onnx"].pop("sha256"), "no sha256 of model_graph.onnx"),
        (lambda m: m["artifacts"]["model_graph.onnx"].update(size="many"), "no size of model_graph.onnx"),
        (lambda m: m["artifacts"].update({"../../etc/passwd": {}}), "no name of a file"),
        (lambda m: m.update(metadata="nothing"), "metadata that is not a mapping"),
    ],
)
def test_a_manifest_is_not_believed_blindly(tmp_path: Path, change: Any, message: str) -> None:
    """Whatever an archive says of itself is checked before anything relies on it."""
    path = rewrite(write(tmp_path / "a.riva"), change)

    with pytest.raises(NotAnArchive, match=message):
        Archive.open(EncryptedPath(path))


@pytest.mark.parametrize("extra", ["artifacts/more", "more", "artifacts/../../more"])
def test_what_the_manifest_does_not_list_is_refused(tmp_path: Path, extra: str) -> None:
    """A member too many is a changed archive, wherever it lies."""
    path = rewrite(write(tmp_path / "a.riva"), lambda manifest: None, extra=extra)

    with pytest.raises(TruncatedArchive, match="manifest says none"):
        Archive.open(EncryptedPath(path))


@pytest.mark.parametrize("encryption", [False, {"scheme": "x"}], ids=["plain", "encrypted"])
def test_an_eff_archive_is_refused_by_name(tmp_path: Path, encryption: object) -> None:
    """What NVIDIA's tools made is named, with the two ways to go on."""
    graph = {"artifact_type": "File", "content_callback": "BinaryContentCallback", "encryption": encryption}
    path = rewrite(write(tmp_path / "ngc.riva"), lambda m: m.update(artifacts={"model_graph.onnx": graph}), mode="w:gz")

    with pytest.raises(ForeignArchive, match="EFF archive") as caught:
        Archive.open(EncryptedPath(path))
    assert ("encrypted EFF" in caught.value.what) == bool(encryption)
    assert "servicemaker image" in caught.value.fix
    assert "nemo2riva" in caught.value.fix


def test_aliases_cannot_expand(tmp_path: Path) -> None:
    """A kilobyte of YAML that would expand to gigabytes is refused before it does."""
    bomb = "a: &a [x]\n" + "".join(f"b{n}: &b{n} [{', '.join(['*a'] * 9)}]\n" for n in range(9))
    path = tmp_path / "a.riva"
    with tarfile.open(path, "w") as tar:
        entry = tarfile.TarInfo("manifest.yaml")
        entry.size = len(bomb)
        tar.addfile(entry, io.BytesIO(bomb.encode()))

    with pytest.raises(NotAnArchive, match="aliases"):
        Archive.open(EncryptedPath(path))


@pytest.mark.parametrize("size", ["-512", "-1024", "99999999999999999999", "x"])
def test_a_tar_that_leads_in_circles_is_refused(tmp_path: Path, size: str) -> None:
    """A size that points back, which has hung Python's tarfile (CVE-2025-8194), ends in an error."""
    path = tmp_path / "a.riva"
    entry = tarfile.TarInfo("artifacts/x")
    entry.pax_headers = {"size": size}
    path.write_bytes(entry.tobuf(tarfile.PAX_FORMAT) * 3 + bytes(10240))

    with pytest.raises((TruncatedArchive, NotAnArchive)):
        Archive.open(EncryptedPath(path))


def test_a_failed_extraction_leaves_no_file(tmp_path: Path) -> None:
    """What does not match its digest is not left where somebody could use it."""
    path = write(tmp_path / "a.riva")
    content = bytearray(path.read_bytes())
    content[2**20] ^= 1
    path.write_bytes(content)

    with Archive.open(EncryptedPath(path)) as archive, pytest.raises(TruncatedArchive, match="sha256"):
        archive.extract("model_graph.onnx", tmp_path / "graph")
    assert not (tmp_path / "graph").exists()


def test_a_member_that_is_not_what_was_promised_is_not_written(tmp_path: Path) -> None:
    """An archive is not made of a member whose digest differs from the one that came with it."""
    with pytest.raises(TruncatedArchive, match="sha256"):
        write_archive(tmp_path / "a.rmir", {}, [Member("x", b"content", sha256="0" * 64)])
    assert [*tmp_path.iterdir()] == []


def test_names_are_taken_once(tmp_path: Path) -> None:
    """Of two artifacts with one name neither could be read."""
    with pytest.raises(UsageError, match="same name"):
        write_archive(tmp_path / "a.rmir", {}, [Member("x", b"1"), Member("x", b"2")])


def test_equal_archives_come_from_unequal_places(tmp_path: Path) -> None:
    """Nothing of the place, the time or the user gets into an archive; names that need an extended header neither."""
    archives = []
    for place, mask in (("here", 0o077), ("there/deeper", 0o002)):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        before = os.umask(mask)
        (folder / "graph").write_bytes(GRAPH)
        write_archive(folder / "a.riva", {"metadata": {"é": 1}}, [Member("ü" * 90, folder / "graph"), *MEMBERS])
        os.umask(before)
        os.utime(folder / "graph", (1, 1))
        archives.append((folder / "a.riva").read_bytes())

    assert archives[0] == archives[1]


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    """A flipped bit in an unencrypted graph is found by its digest."""
    path = write(tmp_path / "a.riva")
    content = bytearray(path.read_bytes())
    content[-50_000] ^= 1
    path.write_bytes(content)

    with Archive.open(EncryptedPath(path)) as archive, pytest.raises(TruncatedArchive, match="sha256"):
        archive.read("model_graph.onnx")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello", "not a .riva or .rmir"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"", "not a .riva or .rmir"),
    ],
    ids=["text", "lfs", "empty"],
)
def test_what_is_not_an_archive_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    """Other files are refused with what they seem to be."""
    (tmp_path / "a.riva").write_bytes(content)

    with pytest.raises(NotAnArchive, match=message):
        Archive.open(EncryptedPath(tmp_path / "a.riva"))


def test_missing_file(tmp_path: Path) -> None:
    """A path that leads nowhere is said to."""
    with pytest.raises(MissingInput, match=r"nowhere\.riva"):
        Archive.open(EncryptedPath(tmp_path / "nowhere.riva"))


def test_an_existing_output_is_kept(tmp_path: Path) -> None:
    """Nothing is overwritten without force."""
    path = write(tmp_path / "a.riva")
    before = path.read_bytes()

    with pytest.raises(OutputExists, match="--force"):
        write_archive(path, {}, [])
    assert path.read_bytes() == before


def test_a_failing_source_leaves_nothing(tmp_path: Path) -> None:
    """An error half-way leaves the folder as it was."""

    def broken() -> io.BytesIO:
        raise RuntimeError("gone")

    with pytest.raises(RuntimeError):
        write_archive(tmp_path / "a.riva", {}, [Member("x", broken)])
    assert [*tmp_path.iterdir()] == []
