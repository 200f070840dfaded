"""Files that are no checkpoints, and archives that NeMo never wrote."""

import tarfile
from pathlib import Path

from tests.nemo_checkpoints import write_nemo
from tests.unit.pipelines.verdict.firing import Firing, judged


def _entry(name: str, kind: bytes = tarfile.REGTYPE, **headers: str) -> Firing:
    entry = tarfile.TarInfo(name)
    entry.type, entry.pax_headers = kind, headers
    return judged(lambda folder: write_nemo(folder / "a.nemo", entries=(entry,)))


def _appended(folder: Path) -> Path:
    path = write_nemo(folder / "a.nemo")
    path.write_bytes(path.read_bytes() + b"PK\3\4")
    return path


FIRING: dict[str, Firing] = {
    "readable": judged(lambda folder: write_nemo(folder / "a.nemo", without=("model_config.yaml",))),
    "member-names": _entry("../outside"),
    "member-kinds": _entry("link", tarfile.SYMTYPE),
    "member-once": _entry("MODEL_CONFIG.yaml"),
    "member-limits": _entry("long", comment="x" * 100_000),
    "nothing-hidden": judged(_appended),
}
