"""What is no checkpoint at all ends in a finding, in bounded time and memory."""

import gzip
import io
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.archive import inflated
from pipelines.verdict.findings import Outcome
from pipelines.verdict.verdict import judge
from tests.nemo_checkpoints import config, write_nemo
from tests.torch_archives import torch_archive

ROOT = Path(__file__).parents[2]
ALIASES = b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n".encode() for n in range(1, 9)
)
ENDLESS = b"\x80\x02" + b"}" * 8_000_000 + b"."
MEMORY = 1 << 30  # bytes of address space: the interpreter needs a quarter of it

JUDGE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
from pathlib import Path
from pipelines.verdict.verdict import judge
print(judge(Path(sys.argv[1])).outcome.name)
"""


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model_config.yaml", "target: x")


def _bomb(path: Path, size: int = 8 << 20) -> None:
    """A tar of zeros, packed a thousandfold."""
    with gzip.open(path, "wb") as file:
        entry = tarfile.TarInfo("model_weights.ckpt")
        entry.size = size
        file.write(entry.tobuf())
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))


def _large_header(path: Path) -> None:
    entry = tarfile.TarInfo("model_weights.ckpt")
    entry.size = 2 << 30
    path.write_bytes(entry.tobuf(tarfile.GNU_FORMAT) + bytes(512))


def _compressed_pieces(path: Path) -> None:
    """A gzip file that ends in the middle."""
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(entry := tarfile.TarInfo("model_config.yaml"), io.BytesIO(b""))
        entry.name = "other"
        tar.addfile(entry)
    path.write_bytes(path.read_bytes()[:-40])


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "it is empty"),
    "lfs_pointer": (lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"), "Git LFS pointer"),
    "zip": (_zip, "a zip file"),
    "gzip_bomb": (_bomb, "gzip bomb"),
    "gzip_cut": (_compressed_pieces, "ends too early"),
    "two_gigabytes_announced": (_large_header, "announces 2147483648 bytes"),
    "encoding": (lambda path: write_nemo(path, "name: Grüße\n".encode("latin-1")), "not UTF-8"),
    "aliases": (lambda path: write_nemo(path, ALIASES), "through aliases"),
    "no_configuration": (lambda path: write_nemo(path, without=("model_config.yaml",)), "has no model_config.yaml"),
    "no_mapping": (lambda path: write_nemo(path, b"- a\n"), "not a mapping"),
    "folder": (Path.mkdir, "is a folder"),
    "fifo": (os.mkfifo, "is a FIFO"),
    "nowhere": (lambda path: None, "there is no file"),
}


@pytest.mark.parametrize(("make", "said"), BAD.values(), ids=list(BAD))
def test_what_is_no_checkpoint_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], said: str
) -> None:
    """The verdict says that it cannot be read and why, with something to do, in a second of computing."""
    monkeypatch.setattr(inflated, "_FREE", 1 << 20)
    path = tmp_path / "model.nemo"
    make(path)
    begin = time.process_time()

    verdict = judge(path)

    (finding,) = verdict.findings
    assert verdict.outcome is Outcome.UNREADABLE
    assert said in finding.what
    assert finding.fix
    assert time.process_time() - begin < 1


def test_a_file_without_permission_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be read is a finding too (the refusal is made up: root may read all)."""

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    path = write_nemo(tmp_path / "model.nemo")
    monkeypatch.setattr("pipelines.archive.regular_file.os.open", refuse)

    assert "Permission denied" in judge(path).findings[0].what
    assert judge(path).outcome is Outcome.UNREADABLE


@pytest.mark.full
@pytest.mark.parametrize(
    "make",
    [
        lambda path: _bomb(path, 4 << 30),
        _large_header,
        lambda path: write_nemo(path, ALIASES),
        lambda path: write_nemo(path, b"- a\n" * 2_000_000),
        lambda path: write_nemo(path, config(), members={"vocab.txt": bytes(300 << 20)}),
        lambda path: write_nemo(path, members={"./model_weights.ckpt": torch_archive({}, pickle=ENDLESS)}),
    ],
    ids=["gzip_bomb", "two_gigabytes_announced", "aliases", "values", "large_member", "pickle"],
)
def test_memory_is_bounded(tmp_path: Path, make: Callable[[Path], object]) -> None:
    """In an address space of one gigabyte every one of them still ends in a verdict."""
    path = tmp_path / "model.nemo"
    make(path)

    done = subprocess.run(
        [sys.executable, "-c", JUDGE.format(limit=MEMORY), str(path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )

    assert done.stdout.strip() in (Outcome.UNREADABLE.name, Outcome.UNSAFE.name), done.stderr
