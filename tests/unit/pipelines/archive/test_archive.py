"""Archives as a user meets them: what goes in comes out, and whatever is wrong with a file is said."""

import io
import os
import subprocess
from pathlib import Path

import pytest

from pipelines.archive.archive import Archive, Member, write_archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.archive.encryption import Key
from pipelines.errors import MissingInput, NotAnArchive, OutputExists, TruncatedArchive, WrongKey

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
    assert listed == ["manifest.yaml", "artifacts/model_config.yaml", "artifacts/model_graph.onnx"]
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


@pytest.mark.parametrize("position", [60, 2**20 + 500, -20], ids=["first", "second", "last"])
def test_a_changed_byte_is_found_and_told_from_a_wrong_key(tmp_path: Path, position: int) -> None:
    """Tampering is found in any chunk, and the message says that the key is right."""
    path = write(tmp_path / "a.rmir", key=KEY, whole=True)
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)

    with pytest.raises(WrongKey, match="does not authenticate"), Archive.open(EncryptedPath(path, KEY)) as archive:
        archive.read("model_graph.onnx")


def test_swapped_chunks_are_found(tmp_path: Path) -> None:
    """Chunks that change places do not authenticate."""
    path = write(tmp_path / "a.rmir", key=KEY, whole=True)
    content, header, chunk = path.read_bytes(), 49, 2**20 + 16
    one, two = content[header : header + chunk], content[header + chunk : header + 2 * chunk]
    path.write_bytes(content[:header] + two + one + content[header + 2 * chunk :])

    with pytest.raises(WrongKey):
        Archive.open(EncryptedPath(path, KEY))


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("keep", [10, 600, 2**20 + 16 + 49, 2 * 2**20])
def test_a_truncated_archive_is_refused(tmp_path: Path, keep: int, whole: bool) -> None:
    """A file cut anywhere is refused when it is opened, at a chunk's border too."""
    path = write(tmp_path / "a.rmir", key=KEY if whole else None, whole=whole)
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises((TruncatedArchive, WrongKey, NotAnArchive)):
        Archive.open(EncryptedPath(path, KEY))


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


@pytest.mark.parametrize(
    ("text", "path", "key"),
    [("a.riva", "a.riva", None), ("a.riva:secret", "a.riva", Key(b"secret")), ("a:b.riva:k", "a:b.riva", Key(b"k"))],
)
def test_encrypted_path(text: str, path: str, key: Key | None) -> None:
    """FILE[:KEY] splits at the last colon."""
    assert EncryptedPath.parse(text) == EncryptedPath(Path(path), key)


def test_key_of_a_file_and_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key may be a file, also one that RIVA_KEY_FILE names; its line end does not count."""
    (tmp_path / "key").write_text("secret\n")
    assert EncryptedPath.parse(f"a.riva:{tmp_path / 'key'}").key == Key(b"secret")

    monkeypatch.setenv("RIVA_KEY_FILE", str(tmp_path / "key"))
    assert EncryptedPath.parse("a.riva").key == Key(b"secret")


def test_a_key_does_not_show() -> None:
    """No representation of a path with a key shows the key."""
    assert "secret" not in repr(EncryptedPath.parse("a.riva:secret"))
