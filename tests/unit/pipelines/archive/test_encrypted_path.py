"""`FILE:KEY` and the other ways to give a key."""

import os
from pathlib import Path

import pytest

from pipelines.archive.encrypted_path import EncryptedPath, key_of_environment, key_warnings, read_key
from pipelines.archive.encryption import Key
from pipelines.errors import MissingInput, UsageError


@pytest.mark.parametrize(
    ("text", "path", "key"),
    [
        ("a.riva", "a.riva", None),
        ("a.riva:secret", "a.riva", Key(b"secret")),
        ("a:b.riva:k", "a:b.riva", Key(b"k")),
        ("a.rmir:se:cr:et", "a.rmir", Key(b"se:cr:et")),
        ("a.RMIR:k", "a.RMIR", Key(b"k")),
        ("model:v2:k", "model:v2", Key(b"k")),
        ("a.rmir:", "a.rmir", None),
    ],
)
def test_file_and_key(text: str, path: str, key: Key | None) -> None:
    """The key begins after the archive's extension, so it may hold colons; else after the last colon."""
    assert EncryptedPath.parse(text) == EncryptedPath(Path(path), key)


def test_an_existing_file_is_taken_as_it_is(tmp_path: Path) -> None:
    """A colon in the name of a file that is there is no key."""
    path = tmp_path / "a.riva:v2"
    path.touch()

    assert EncryptedPath.parse(str(path)) == EncryptedPath(path)


def test_a_key_may_be_a_file(tmp_path: Path) -> None:
    """The content of a file is the key, without its line end; spaces count."""
    (tmp_path / "key").write_bytes(b" secret \r\n")

    key = EncryptedPath.parse(f"a.riva:{tmp_path / 'key'}").key

    assert key == Key(b" secret ")
    assert not key.typed


def test_a_key_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RIVA_KEY_FILE names a file whose key is used wherever none is given."""
    (tmp_path / "key").write_text("secret\n")
    monkeypatch.setenv("RIVA_KEY_FILE", str(tmp_path / "key"))

    assert EncryptedPath.parse("a.riva").key == key_of_environment() == Key(b"secret")
    assert EncryptedPath.parse("a.riva:other").key == Key(b"other")


def test_a_key_in_the_wrong_variable_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever puts the key itself into RIVA_KEY_FILE does not find it in a log."""
    monkeypatch.setenv("RIVA_KEY_FILE", "hunter2")

    with pytest.raises(MissingInput) as caught:
        EncryptedPath.parse("a.riva")
    assert "hunter2" not in str(caught.value)


def test_a_key_may_come_through_a_pipe() -> None:
    """`FILE:<(pass show riva)` of a shell hands over the name of a pipe."""
    reading, writing = os.pipe()
    os.write(writing, b"secret\n")
    os.close(writing)

    assert read_key(f"/dev/fd/{reading}") == Key(b"secret")
    os.close(reading)


@pytest.mark.parametrize("text", [":hunter2", "nowhere.riva:EMPTY"])
def test_impossible_keys_are_refused_without_showing_them(tmp_path: Path, text: str) -> None:
    """A key without a file, and an empty key."""
    (tmp_path / "empty").touch()

    with pytest.raises(UsageError) as caught:
        EncryptedPath.parse(text.replace("EMPTY", str(tmp_path / "empty")))
    assert "hunter2" not in str(caught.value)


def test_warnings_name_the_alternative_once(tmp_path: Path) -> None:
    """Typed keys are warned of once, a public one gets a note of its own, and a key in a file is silent."""
    (tmp_path / "key").write_text("secret")
    typed, public, safe = read_key("secret"), read_key("tlt_encode"), read_key(str(tmp_path / "key"))

    (warning,) = key_warnings(typed, typed, None)
    assert "process lists" in warning
    assert "RIVA_KEY_FILE" in warning
    (note,) = key_warnings(public)
    assert "protects nothing" in note
    assert [*key_warnings(safe, None)] == []
    assert "secret" not in warning
