"""The headers of a tar file say where each file is, and nothing that a stranger wrote into them is followed."""

import io
import tarfile
from collections.abc import Mapping

import pytest

from pipelines.archive import tar_headers
from pipelines.archive.tar_headers import Damaged, Defect, Flaw, TarMember, read_headers


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.size, made.linkname = kind, len(content), "/etc/passwd" if kind in b"12" else ""
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def archive(*members: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for made in members:
            tar.addfile(made, io.BytesIO(bytes(made.size)))
    return file.getvalue()


def headers(content: bytes) -> list[TarMember | Defect]:
    return list(read_headers(io.BytesIO(content), len(content)))


def checksummed(block: bytes) -> bytes:
    cleared = block[:148] + b" " * 8 + block[156:]
    return cleared[:148] + b"%06o\0 " % sum(cleared) + cleared[156:]


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_files_are_found_in_every_form(form: int) -> None:
    """The three forms that Python and GNU tar write are read alike: folders left out, `./` left away."""
    made = archive(
        member(".", kind=tarfile.DIRTYPE),
        member("./model_config.yaml", b"x" * 700, mtime=1234),
        member("./folder", kind=tarfile.DIRTYPE),
        member(f"./folder/{'n' * 120 if form != tarfile.USTAR_FORMAT else 'n' * 60}", b"y"),
        form=form,
    )

    first, second = headers(made)

    assert isinstance(first, TarMember)
    assert (first.name, first.size, first.offset % 512) == ("model_config.yaml", 700, 0)
    assert isinstance(second, TarMember)
    assert second.name.startswith("folder/nnn")


def test_payloads_are_not_read() -> None:
    """Only headers are read, so that the size of a checkpoint does not matter."""
    made = archive(member("large", bytes(5 << 20)), member("small"))
    stream = CountingStream(made)

    assert len(list(read_headers(stream, len(made)))) == 2
    assert stream.count < 20_000


class CountingStream(io.BytesIO):
    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        got = super().read(size)
        self.count += len(got)
        return got


@pytest.mark.parametrize(
    ("made", "flaw", "problem"),
    [
        (member("../outside"), Flaw.NAME, "leaves the archive"),
        (member("a/../../outside"), Flaw.NAME, "leaves the archive"),
        (member("a\\..\\outside"), Flaw.NAME, "leaves the archive"),
        (member("/etc/cron.d/job"), Flaw.NAME, "absolute"),
        (member("a//b"), Flaw.NAME, "empty parts"),
        (member("a/./b"), Flaw.NAME, "empty parts"),
        (member(""), Flaw.NAME, "empty parts"),
        (member("x\u202egnp.exe"), Flaw.NAME, "invisible"),
        (member("cafe\u0301"), Flaw.NAME, "ambiguous"),
        (member("n" * 300), Flaw.NAME, "too long"),
        (member("link", kind=tarfile.SYMTYPE), Flaw.KIND, "a symbolic link"),
        (member("link", kind=tarfile.LNKTYPE), Flaw.KIND, "a hard link"),
        (member("device", kind=tarfile.CHRTYPE), Flaw.KIND, "a character device"),
        (member("fifo", kind=tarfile.FIFOTYPE), Flaw.KIND, "a FIFO"),
        (member("sparse", kind=tarfile.GNUTYPE_SPARSE), Flaw.KIND, "a sparse file"),
        (member("x", kind=b"Z"), Flaw.KIND, "unknown type"),
        (member("x", pax_headers={"GNU.sparse.major": "1"}), Flaw.KIND, "GNU.sparse.major"),
        (member("x", pax_headers={"linkpath": "/etc/passwd"}), Flaw.KIND, "linkpath"),
        (member("x", pax_headers={"comment": "n" * 100_000}), Flaw.LIMIT, "extended header of"),
    ],
    ids=lambda value: repr(value.name)[:20] if isinstance(value, tarfile.TarInfo) else None,
)
def test_what_nemo_never_writes_is_a_defect(made: tarfile.TarInfo, flaw: Flaw, problem: str) -> None:
    """A name that leads elsewhere, or a member that is no plain file, is reported and not listed."""
    (defect,) = headers(archive(made))

    assert isinstance(defect, Defect)
    assert defect.flaw is flaw
    assert problem in str(defect)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("model_config.yaml", "./model_config.yaml"),
        ("Model.ckpt", "model.CKPT"),
        ("ﬁle", "file"),
        ("a", "a/b"),
        ("a/b", "a"),
    ],
    ids=["dot_slash", "case", "compatibility_letters", "file_as_folder", "folder_as_file"],
)
def test_two_members_never_become_one_file(first: str, second: str) -> None:
    """Names that are the same on some disk, or need a file and a folder in one place, are a defect."""
    kept, defect = headers(archive(member(first, b"1"), member(second, b"2")))

    assert isinstance(kept, TarMember)
    assert isinstance(defect, Defect)
    assert defect.flaw is Flaw.TWICE


@pytest.mark.parametrize("override", [{"path": "../outside"}, {"path": "/etc/passwd"}])
def test_names_in_extended_headers_count(override: Mapping[str, str]) -> None:
    """The name that tar would use is the one that is checked, wherever it stands."""
    (defect,) = headers(archive(member("harmless", pax_headers=override)))

    assert isinstance(defect, Defect)
    assert defect.flaw is Flaw.NAME


def test_a_size_in_an_extended_header_counts() -> None:
    """A size that an extended header replaces moves the next header for every reader alike."""
    made = bytearray(archive(member("a", b"x" * 512, pax_headers={"size": "512"}), member("b")))
    start = made.index(b"a" + bytes(99))
    made[start + 124 : start + 136] = b"00000000000\0"
    made[start : start + 512] = checksummed(bytes(made[start : start + 512]))

    assert [(found.name, found.size) for found in headers(bytes(made))] == [("a", 512), ("b", 0)]


def test_too_many_members_stop_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive of empty members without end is left at the limit."""
    monkeypatch.setattr(tar_headers, "MEMBER_LIMIT", 10)

    found = headers(archive(*[member(f"m{index}") for index in range(50)]))

    assert len(found) == 11
    assert isinstance(found[-1], Defect)
    assert found[-1].flaw is Flaw.LIMIT


@pytest.mark.parametrize("after", [b"PK\3\4", archive(member("model_config.yaml"))], ids=["zip", "tar"])
def test_nothing_hides_behind_the_end(after: bytes) -> None:
    """Data after the end mark, which other readers may find, is a defect."""
    found = headers(archive(member("a")) + after)

    assert isinstance(found[-1], Defect)
    assert found[-1].flaw is Flaw.HIDDEN


def test_announced_sizes_must_be_there() -> None:
    """A header of two gigabytes with nothing behind it is seen without looking for them."""
    block = member("large").tobuf(tarfile.GNU_FORMAT)
    block = checksummed(block[:124] + b"%011o\0" % (2 << 30) + block[136:])

    with pytest.raises(Damaged, match="announces 2147483648 bytes, 512 are there"):
        headers(block + bytes(512))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(100),
        archive(member("a"))[:512],
        b"x" + archive(member("a"))[1:],
        checksummed(member("a").tobuf()[:257] + b"other\0" + member("a").tobuf()[263:]) + bytes(1024),
        checksummed(member("a").tobuf()[:124] + b"99999999999\0" + member("a").tobuf()[136:]) + bytes(1024),
        archive(member("a", pax_headers={"path": "b"})).replace(b"path=b", b"path b"),
        archive(member("a", pax_headers={"size": "9" * 30})),
    ],
    ids=["empty", "short", "no_end_mark", "checksum", "magic", "not_octal", "extended_form", "extended_number"],
)
def test_damage_is_told_from_defects(content: bytes) -> None:
    """What is not a whole tar file at all raises; there is nothing to report about members then."""
    with pytest.raises(Damaged):
        headers(content)
