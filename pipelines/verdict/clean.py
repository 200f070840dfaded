"""The clean copy of an admitted checkpoint: what the verdict has read, written anew, and nothing else.

A plain tar with the configuration, the weights and the files that the configuration refers to. The configuration is
written again from what was parsed, without training data. The zip of the weights is written again around the pickle
that was walked, byte for byte, and the storages that it names. Names, order, owners and times are always the same, so
that the same content has the same digest, whoever packed it and when.

Only this file reaches the processes that load a checkpoint (`pipelines/export/`).
"""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from shutil import copyfileobj
from typing import IO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import yaml

from pipelines.archive.nemo import CONFIG, WEIGHTS, NemoCheckpoint
from pipelines.archive.plain_yaml import PlainDumper
from pipelines.digests import file_digest
from pipelines.registry import pipeline_of
from pipelines.verdict.firewall.refusal import Refusal
from pipelines.verdict.firewall.zip_records import ZipRecord, read_zip

__all__ = ["CleanCheckpoint", "write_clean"]

_BLOCK = tarfile.BLOCKSIZE
_COPY = 1 << 20
_FOLDER = "model_weights"  # in the zip; torch takes the name of the file
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can say
_UNIX = 3  # what ZipInfo says of the system otherwise depends on where it is made
_BYTE_ORDER, _VERSION = b"little", b"3\n"  # of the numbers, the only one that is admitted; of torch's format


@dataclass(frozen=True, kw_only=True)
class CleanCheckpoint:
    """A clean copy.

    Args:
        path: The archive.
        sha256: Its digest.
        size: Its size in bytes.
        source_sha256: Digest of the checkpoint that it was made from, as it came.
    """

    path: Path
    sha256: str
    size: int
    source_sha256: str


def write_clean(checkpoint: NemoCheckpoint, path: Path) -> CleanCheckpoint:
    """Writes the clean copy of a checkpoint that no rule refuses, in constant memory.

    Judge the copy again before anything loads it: the checkpoint may have changed since it was judged.

    Raises:
        RivaError: A part of the checkpoint cannot be read, or is no longer what was judged.
    """
    config = pipeline_of(checkpoint.obj_cls).checkpoint.config_for_nemo(checkpoint.config)
    files = sorted({artifact.member for artifact in checkpoint.artifacts})
    with path.open("wb") as file:
        text = yaml.dump(config, Dumper=PlainDumper, sort_keys=False, allow_unicode=True).encode()
        _write(file, CONFIG, BytesIO(text))
        for name in files:
            with checkpoint.open_member(name) as stream:
                _write(file, name, stream)
        with checkpoint.open_member(WEIGHTS) as stream, _member(file, WEIGHTS) as part:
            _write_weights(part, stream, checkpoint.size(WEIGHTS))
        file.write(bytes(2 * _BLOCK))
    return CleanCheckpoint(
        path=path, sha256=file_digest(path), size=path.stat().st_size, source_sha256=file_digest(checkpoint.path)
    )


def _write(file: IO[bytes], name: str, stream: IO[bytes]) -> None:
    with _member(file, name) as part:
        copyfileobj(stream, part, _COPY)


class _Part:
    """The end of a file as a file of its own: what is written there counts from where it begins."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._start = file, file.tell()

    @property
    def size(self) -> int:
        return self._file.tell() - self._start

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell() - self._start

    def seek(self, offset: int) -> int:
        return self._file.seek(self._start + offset) - self._start

    def flush(self) -> None:
        self._file.flush()


@contextmanager
def _member(file: IO[bytes], name: str) -> Iterator[_Part]:
    """Yields where the content of a member is written; its header is written when its size is known."""
    entry, start = tarfile.TarInfo(name), file.tell()
    file.write(entry.tobuf(tarfile.GNU_FORMAT))
    part = _Part(file)
    yield part
    entry.size, end = part.size, file.tell()
    file.seek(start)
    file.write(entry.tobuf(tarfile.GNU_FORMAT))
    file.seek(end)
    file.write(bytes(-end % _BLOCK))


def _write_weights(part: _Part, stream: IO[bytes], size: int) -> None:
    try:
        records = read_zip(stream, size, member=WEIGHTS)
    except Refusal as refusal:
        raise refusal.finding.as_error() from refusal
    with ZipFile(part, "w", ZIP_STORED) as archive:  # type: ignore[call-overload]  # it needs no more than a _Part has
        for record in records.values():  # in their order, so that a gzipped archive is read forwards
            _, _, name = record.name.partition("/")
            if name == "data.pkl" or name.startswith("data/"):
                _copy_record(archive, name, stream, record)
        for name, content in (("byteorder", _BYTE_ORDER), ("version", _VERSION)):
            archive.writestr(_entry(name), content)


def _copy_record(archive: ZipFile, name: str, stream: IO[bytes], record: ZipRecord) -> None:
    entry = _entry(name)
    entry.file_size = record.size
    stream.seek(record.offset)
    with archive.open(entry, "w") as target:
        left = record.size
        while left and (block := stream.read(min(left, _COPY))):
            target.write(block)
            left -= len(block)


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(f"{_FOLDER}/{name}", _EPOCH)
    entry.create_system = _UNIX
    return entry
