"""Attacks through the tar archive."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

from tests.hostile.careless import unpack
from tests.hostile.vector import Vector
from tests.nemo_checkpoints import write_nemo

__all__ = ["VECTORS"]

Make = Callable[[Path, Path], Path]


def _entries(*made: Callable[[Path], tarfile.TarInfo]) -> Make:
    return lambda folder, mark: write_nemo(folder / "model.nemo", entries=tuple(make(mark) for make in made))


def _entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", **headers: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.pax_headers = kind, link, headers
    return entry


def _appended(folder: Path, mark: Path) -> Path:
    """A second archive after the end of the first; readers that look for the end from behind find that one."""
    path, other = write_nemo(folder / "model.nemo"), io.BytesIO()
    with tarfile.open(fileobj=other, mode="w") as tar:
        tar.addfile(_entry(str(mark)))
    path.write_bytes(path.read_bytes() + other.getvalue())
    return path


VECTORS = (
    Vector(
        name="tar-parent",
        rule="member-names",
        said="../mark",
        make=_entries(lambda mark: _entry(f"../{mark.name}")),
        trigger=unpack,
    ),
    Vector(
        name="tar-absolute",
        rule="member-names",
        said="has an absolute name",
        make=_entries(lambda mark: _entry(str(mark))),
        trigger=unpack,
    ),
    Vector(
        name="tar-parent-inside",
        rule="member-names",
        said="a/../../mark",
        make=_entries(lambda mark: _entry(f"a/../../{mark.name}")),
    ),
    Vector(
        name="tar-extended-name",
        rule="member-names",
        said="../mark",
        make=_entries(lambda mark: _entry("harmless", path=f"../{mark.name}")),
        trigger=unpack,
    ),
    Vector(
        name="tar-backslash",
        rule="member-names",
        said="leaves the archive",
        make=_entries(lambda mark: _entry(f"..\\{mark.name}")),
    ),
    Vector(
        name="tar-symbolic-link",
        rule="member-kinds",
        said="a symbolic link",
        make=_entries(
            lambda mark: _entry("out", tarfile.SYMTYPE, str(mark.parent)), lambda mark: _entry(f"out/{mark.name}")
        ),
        trigger=unpack,
    ),
    Vector(
        name="tar-hard-link",
        rule="member-kinds",
        said="a hard link",
        make=_entries(lambda mark: _entry("tokenizer.model", tarfile.LNKTYPE, "/etc/passwd")),
    ),
    Vector(
        name="tar-device",
        rule="member-kinds",
        said="a character device",
        make=_entries(lambda mark: _entry("tokenizer.model", tarfile.CHRTYPE)),
    ),
    Vector(
        name="tar-fifo",
        rule="member-kinds",
        said="a FIFO",
        make=_entries(lambda mark: _entry("tokenizer.model", tarfile.FIFOTYPE)),
    ),
    Vector(
        name="tar-sparse",
        rule="member-kinds",
        said="GNU.sparse",
        make=_entries(lambda mark: _entry("x", **{"GNU.sparse.major": "1", "GNU.sparse.realsize": str(1 << 50)})),
    ),
    Vector(
        name="tar-duplicate",
        rule="member-once",
        said="model_config.yaml",
        make=_entries(lambda mark: _entry("model_config.yaml")),
    ),
    Vector(
        name="tar-duplicate-case",
        rule="member-once",
        said="MODEL_CONFIG.yaml",
        make=_entries(lambda mark: _entry("MODEL_CONFIG.yaml")),
    ),
    Vector(name="tar-appended", rule="nothing-hidden", said="other data", make=_appended),
)
