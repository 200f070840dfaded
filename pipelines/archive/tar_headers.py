"""The headers of a tar file from a stranger: nothing is unpacked, no payload is read, nothing is taken on trust.

Python's own tarfile follows what a header asks for: it reads as much as an extended header claims to be long, follows
sparse maps and guesses at damaged fields. This reader knows what NeMo writes, regular files and folders with plain
names in the ustar, pax and GNU forms, and reports everything else.

Sources: POSIX.1-2024, pax, "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "Basic Tar Format".
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePosixPath
from typing import IO

__all__ = ["BLOCK", "Damaged", "Defect", "Flaw", "TarMember", "read_headers"]

BLOCK = 512
MEMBER_LIMIT = 10_000
_NAME_LIMIT = 255  # bytes of a name, folders included
_EXTENDED_LIMIT = 64 << 10  # bytes of a pax header; real ones have a hundred
_PADDING_LIMIT = 1 << 20  # zeros after the end: tar fills records of 10 KiB
_MAGICS = (b"ustar\x0000", b"ustar  \0")
_REGULAR, _FOLDER = (b"0", b"\0"), b"5"
_PAX, _PAX_GLOBAL, _GNU_NAME = b"x", b"g", b"L"
_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a FIFO",
    b"7": "a contiguous file",
    b"K": "a long link",
    b"S": "a sparse file",
    b"M": "a part of a file in another archive",
    b"D": "a listing of a folder",
    b"N": "an old long name",
    b"V": "a volume label",
    b"X": "a Solaris extended header",
}
_HARMLESS_KEYS = {"mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "comment", "LIBARCHIVE.creationtime"}
_HARMLESS_PREFIXES = ("SCHILY.xattr.", "LIBARCHIVE.xattr.")  # attributes of the file on its maker's disk


class Flaw(Enum):
    """What can be wrong with a member."""

    NAME = "name"
    KIND = "kind"
    TWICE = "twice"
    LIMIT = "limit"
    HIDDEN = "hidden"


@dataclass(frozen=True, kw_only=True)
class Defect:
    """A member that NeMo would never write.

    Args:
        flaw: What kind of thing is wrong.
        member: Its name, as it stands in the archive.
        what: What is wrong, as the rest of a sentence that begins with the member.
    """

    flaw: Flaw
    member: str
    what: str

    def __str__(self) -> str:
        return f"the member {self.member!a} {self.what}" if self.member else f"the archive {self.what}"


@dataclass(frozen=True, kw_only=True)
class TarMember:
    """A regular file in the archive.

    Args:
        name: Its name without a leading `./`, folders separated by `/`.
        offset: Where its content begins in the file, in bytes.
        size: Size of its content in bytes.
    """

    name: str
    offset: int
    size: int


class Damaged(Exception):
    """The bytes are not those of a whole tar file."""


@dataclass
class _Extended:
    """What extended headers say about the member that follows them."""

    name: bytes | None = None
    size: int | None = None
    flaws: list[tuple[Flaw, str]] = field(default_factory=list)

    def read(self, kind: bytes, content: bytes) -> None:
        if kind == _GNU_NAME:
            self.name = content.rstrip(b"\0")
            return
        for key, value in _pax_records(content):
            if kind == _PAX and key == "path":
                self.name = value
            elif kind == _PAX and key == "size":
                self.size = _decimal(value)
            elif key not in _HARMLESS_KEYS and not key.startswith(_HARMLESS_PREFIXES):
                self.flaws.append((Flaw.KIND, f"has an extended header {key!a}, which changes what it is"))


class _Names:
    """The names so far, so that no two members could become one file on any disk."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    def add(self, name: str, *, folder: bool) -> str:
        """Remembers a name; returns the name of an earlier member that it would overwrite, or an empty string."""
        same = unicodedata.normalize("NFKC", name).casefold()
        above = [str(parent) for parent in PurePosixPath(same).parents][:-1]
        taken = self._files.get(same) or ("" if folder else self._folders.get(same))
        taken = taken or next((self._files[parent] for parent in above if parent in self._files), "")
        for parent in above:
            self._folders.setdefault(parent, name)
        (self._folders if folder else self._files).setdefault(same, name)
        return taken or ""


def read_headers(stream: IO[bytes], size: int) -> Iterator[TarMember | Defect]:
    """Yields the files of a tar stream of `size` bytes, and in place of a file what is wrong with it.

    Folders are checked and left out. After a `Defect` with `Flaw.LIMIT` nothing more is read.

    Raises:
        Damaged: A header is not one, or the stream ends before the archive does.
    """
    names, extended = _Names(), _Extended()
    position = count = 0
    while block := _block(stream, position, size):
        header = _Header(block)
        start = position + BLOCK
        length = header.size if extended.size is None else extended.size
        if start + length > size:
            raise Damaged(f"the header at byte {position} announces {length} bytes, {size - start} are there")
        position = start + -(-length // BLOCK) * BLOCK
        if header.kind in (_PAX, _PAX_GLOBAL, _GNU_NAME):
            if length > _EXTENDED_LIMIT:
                yield Defect(flaw=Flaw.LIMIT, member="", what=f"has an extended header of {length} bytes")
                return
            stream.seek(start)
            extended.read(header.kind, stream.read(length))
            continue
        count += 1
        folder = header.kind == _FOLDER
        name, problem = _plain_name(header.name if extended.name is None else extended.name, folder=folder)
        defects = [Defect(flaw=flaw, member=name, what=what) for flaw, what in extended.flaws]
        for flaw, what in ((Flaw.KIND, _strange_kind(header.kind, length)), (Flaw.NAME, problem)):
            if what:
                defects.append(Defect(flaw=flaw, member=name, what=what))
        if not defects and (other := names.add(name, folder=folder)):
            defects.append(Defect(flaw=Flaw.TWICE, member=name, what=f"has the name of another member, {other!a}"))
        if count > MEMBER_LIMIT:
            defects.append(
                Defect(flaw=Flaw.LIMIT, member=name, what=f"is member {count}, a checkpoint has a few dozen")
            )
        yield from defects
        if count > MEMBER_LIMIT:
            return
        if not defects and header.kind in _REGULAR:
            yield TarMember(name=name, offset=start, size=length)
        extended = _Extended()
    if extended != _Extended():
        raise Damaged("an extended header at the end belongs to no member")
    yield from _after_the_end(stream, position, size)


class _Header:
    """The fields of a header block that say where and what the member is."""

    def __init__(self, block: bytes) -> None:
        said = _number(block[148:156])
        if sum(block) - sum(block[148:156]) + 8 * ord(" ") != said or block[257:265] not in _MAGICS:
            raise Damaged("a header is damaged, or something else stands in its place")
        self.kind = block[156:157]
        self.size = _number(block[124:136])
        prefix = block[345:500].partition(b"\0")[0]
        name = block[:100].partition(b"\0")[0]
        self.name = prefix + b"/" + name if prefix else name


def _number(digits: bytes) -> int:
    """Reads an octal number, or GNU's binary form for large ones."""
    if digits[:1] == b"\x80":
        return int.from_bytes(digits[1:], "big")
    text = digits.strip(b" \0")
    if not text.isdigit() or set(text) & set(b"89"):
        raise Damaged(f"a header holds {digits!r} where a number belongs")
    return int(text, 8)


def _block(stream: IO[bytes], position: int, size: int) -> bytes:
    """Returns the next header; empty at the block of zeros that ends an archive."""
    if position + BLOCK > size:
        raise Damaged(f"the archive ends at byte {size} without its end mark")
    stream.seek(position)
    block = stream.read(BLOCK)
    if len(block) < BLOCK:
        raise Damaged(f"the archive ends at byte {position + len(block)}")
    return block if block.strip(b"\0") else b""


def _pax_records(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yields the records of a pax header: `LENGTH KEY=VALUE\\n`, the length counting all of it."""
    while content.strip(b"\0"):
        digits = content.partition(b" ")[0]
        length = _decimal(digits)
        key, equals, value = content[len(digits) + 1 : length - 1].partition(b"=")
        if not equals or content[length - 1 : length] != b"\n":
            raise Damaged("an extended header is damaged")
        yield key.decode("utf-8", "backslashreplace"), value
        content = content[length:]


def _decimal(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 18:
        raise Damaged(f"an extended header holds {digits[:20]!r} where a number belongs")
    return int(digits)


def _plain_name(raw: bytes, *, folder: bool) -> tuple[str, str]:
    """Returns a name without `./` before and `/` behind it, and what is wrong with it."""
    name = raw.decode("utf-8", "backslashreplace")
    plain = name.removeprefix("./")
    if folder:
        plain = "" if name in (".", "./") else plain.removesuffix("/")
    parts = plain.split("/")
    if name.startswith("/"):
        problem = "has an absolute name"
    elif ".." in parts or "\\" in name:
        problem = "has a name that leaves the archive"
    elif not plain.isprintable() or len(raw) > _NAME_LIMIT or unicodedata.normalize("NFC", plain) != plain:
        problem = "has a name with invisible or ambiguous characters, or one that is too long"
    elif {"", "."} & {*parts} and not (folder and plain == ""):
        problem = "has a name with empty parts"
    else:
        problem = ""
    return name if problem else plain, problem


def _strange_kind(kind: bytes, length: int) -> str:
    if kind == _FOLDER:
        return f"is a folder with {length} bytes of content" if length else ""
    return "" if kind in _REGULAR else f"is {_KINDS.get(kind, f'of the unknown type {kind!r}')}, not a regular file"


def _after_the_end(stream: IO[bytes], position: int, size: int) -> Iterator[Defect]:
    """Reports what follows the end mark, other than zeros: another archive could hide there."""
    rest = size - position
    if rest > _PADDING_LIMIT:
        yield Defect(flaw=Flaw.HIDDEN, member="", what=f"is followed by {rest} bytes after its end mark")
        return
    stream.seek(position)
    if stream.read(rest).strip(b"\0"):
        yield Defect(flaw=Flaw.HIDDEN, member="", what="is followed by other data after its end mark")
