"""Encrypted streams: nothing comes out of a file that was changed, and the message says what happened to it."""

import io
import itertools
import os
import pickle
from functools import partial

import pytest

from pipelines.archive.encryption import DecryptingReader, Key, Sealing
from pipelines.errors import InputError, TamperedArchive, TruncatedArchive, WrongKey

KEY = Key(b"correct horse")
HEADER, TAG, CHUNK_LOG = 57, 16, 12
CHUNK = 1 << CHUNK_LOG
PLAIN = os.urandom(3 * CHUNK + 1000)


SALT = bytes(16)  # scrypt is slow on purpose; a key remembers what it derived


def sealed(plain: bytes = PLAIN, *, piece: int = 1000, salt: bytes = SALT) -> bytes:
    blocks = (plain[start : start + piece] for start in range(0, len(plain), piece))
    return b"".join(Sealing(KEY, len(plain), chunk_log=CHUNK_LOG, salt=salt).seal(blocks))


def opened(content: bytes, key: Key | None = KEY) -> DecryptingReader:
    return DecryptingReader(io.BytesIO(content), key, name="a.rmir")


def chunks(content: bytes) -> list[bytes]:
    return [content[start : start + CHUNK + TAG] for start in range(HEADER, len(content), CHUNK + TAG)]


@pytest.fixture(scope="module")
def content() -> bytes:
    return sealed()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
@pytest.mark.parametrize("piece", [1, 999, CHUNK, 10 * CHUNK])
def test_what_goes_in_comes_out(size: int, piece: int) -> None:
    """Whatever the sizes of stream and pieces, the plain text comes back, and the announced size is right."""
    plain = PLAIN[:size]
    content = sealed(plain, piece=piece)

    assert len(content) == Sealing(KEY, size, chunk_log=CHUNK_LOG, salt=SALT).sealed_size
    assert opened(content).read() == plain


def test_any_place_can_be_read(content: bytes) -> None:
    """A stream can be positioned, forwards and back."""
    reader = io.BufferedReader(opened(content))
    for start in (2 * CHUNK + 5, 7, CHUNK - 1):
        reader.seek(start)
        assert reader.read(3000) == PLAIN[start : start + 3000]


@pytest.mark.parametrize("order", [*itertools.permutations(range(4)), (0, 0, 2, 3), (0, 1, 1, 3), (0, 2, 3), (1, 2, 3)])
def test_chunks_stay_in_their_places(content: bytes, order: tuple[int, ...]) -> None:
    """Reordered, repeated and dropped chunks are found, and what comes out before is what was there."""
    parts = chunks(content)
    changed = content[:HEADER] + b"".join(parts[number] for number in order)
    if changed == content:
        return
    came_out: list[bytes] = []

    with pytest.raises((TamperedArchive, TruncatedArchive)):
        came_out.extend(iter(partial(opened(changed).read, CHUNK), b""))
    assert PLAIN.startswith(b"".join(came_out))


def test_chunks_of_another_file_are_found(content: bytes) -> None:
    """A chunk of another file with the same key and size does not fit."""
    other = sealed(salt=os.urandom(16))
    changed = content[: HEADER + CHUNK + TAG] + other[HEADER + CHUNK + TAG :]

    with pytest.raises(TamperedArchive):
        opened(changed)


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("place", [HEADER, HEADER + CHUNK, HEADER + CHUNK + TAG, HEADER + 2 * CHUNK + 90, -TAG - 1, -1])
def test_a_changed_bit_is_found_with_the_right_key(content: bytes, place: int, bit: int) -> None:
    """The message tells that the key is right, so that nobody looks for another one."""
    changed = bytearray(content)
    changed[place] ^= 1 << bit

    with pytest.raises(TamperedArchive, match="does not authenticate") as caught:
        opened(bytes(changed)).read()
    assert "the key itself is right" in caught.value.why


@pytest.mark.parametrize("place", range(HEADER))
def test_a_changed_header_is_found(content: bytes, place: int) -> None:
    """Every byte of the header matters; nothing comes out, whichever changes."""
    changed = bytearray(content)
    changed[place] ^= 1

    if place < 8:  # the magic: the archive is not taken for an encrypted one
        return
    with pytest.raises(InputError):
        opened(bytes(changed)).read(1)


@pytest.mark.parametrize("keep", [HEADER - 1, HEADER, HEADER + 1, HEADER + CHUNK, HEADER + CHUNK + TAG, -CHUNK, -1])
def test_a_cut_file_is_told_from_a_changed_one(content: bytes, keep: int) -> None:
    """Wherever a file ends early, at a chunk's border too, it is called too short, not changed."""
    with pytest.raises(TruncatedArchive):
        opened(content[:keep])


def test_a_cut_file_that_was_also_changed_is_not_called_short(content: bytes) -> None:
    """A header that promises more than there is must be a genuine one."""
    changed = bytearray(content)
    changed[17] += 1  # the lowest byte of the size

    with pytest.raises(TamperedArchive):
        opened(bytes(changed))


def test_appended_bytes_are_found(content: bytes) -> None:
    """Nothing may follow the last chunk."""
    with pytest.raises(TamperedArchive, match="after its end"):
        opened(content + b"\0")


@pytest.mark.parametrize("key", [None, Key(b"Correct horse"), Key(b"correct horse ")])
def test_a_wrong_key_is_told_from_a_changed_file(content: bytes, key: Key | None) -> None:
    """A key that is not exactly the right one opens nothing, and is said to be the reason."""
    with pytest.raises(WrongKey):
        opened(content, key)


def test_two_files_of_one_text_differ(content: bytes) -> None:
    """Salt and nonces are fresh for every file, so equal contents do not show."""
    assert set(chunks(content)).isdisjoint(chunks(sealed(salt=b"")))


def test_a_hostile_header_costs_no_gigabytes(content: bytes) -> None:
    """The work that a header may ask for is limited."""
    for place, value in ((8, 30), (8, 0), (9, 40), (9, 0)):
        changed = bytearray(content)
        changed[place] = value
        with pytest.raises(TamperedArchive, match="damaged encryption header"):
            opened(bytes(changed))


def test_a_key_does_not_show() -> None:
    """Neither text forms nor pickles of a key hold it."""
    for text in (repr(KEY), str(KEY), f"{KEY}", repr([KEY])):
        assert "horse" not in text
    with pytest.raises(TypeError):
        pickle.dumps(KEY)


def test_the_public_key_is_known() -> None:
    """The key of NVIDIA's guides is told from secret ones."""
    assert Key(b"tlt_encode").public
    assert not KEY.public
