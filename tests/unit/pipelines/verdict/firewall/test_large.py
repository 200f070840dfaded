"""A checkpoint that needs the large forms of tar and zip is read like any other, in the same time."""

import io
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.verdict.firewall.inspection import inspect
from tests.nemo_checkpoints import config, write_nemo
from tests.torch_archives import FOLDER, Tensor, pickled, rebuilt

ZEROS = bytes(1 << 24)
COUNT, LARGE = 9, 1 << 28  # numbers of 4 bytes: nine gigabytes; sizes beyond 8 GiB need a pax header


class Sparse(io.FileIO):
    """A file from some place on, in which zeros take no room on the disk."""

    start = 0

    def write(self, content: bytes, /) -> int:  # type: ignore[override]
        if content == ZEROS:
            return super().seek(len(content), io.SEEK_CUR) and len(content)
        return super().write(content)

    def tell(self) -> int:
        return super().tell() - self.start

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return super().seek(offset + self.start if whence == io.SEEK_SET else offset, whence) - self.start


class Storage(Tensor):
    """A tensor whose bytes are never held at once."""

    @property
    def data(self) -> bytes:
        return range(4 * self.elements)  # type: ignore[return-value]  # only its length is asked for


@pytest.mark.full
def test_nine_gigabytes(tmp_path: Path) -> None:
    """Sizes beyond four and eight gigabytes stand in other fields; the tensors are found in a second all the same."""
    path = write_nemo(tmp_path / "a.nemo", config(), without=("model_weights.ckpt",))
    end = path.read_bytes().rstrip(b"\0")
    start = -(-len(end) // 512) * 512
    entry = tarfile.TarInfo("model_weights.ckpt")
    entry.size = 10 << 30
    header = len(entry.tobuf(tarfile.PAX_FORMAT))
    with Sparse(path, "r+") as file:
        file.truncate(start)
        file.start = start + header
        file.seek(0)
        with zipfile.ZipFile(file, "w") as archive:
            tensors = {f"layer{number}": Storage((LARGE,)) for number in range(COUNT)}
            values = {name: rebuilt(tensor, str(index)) for index, (name, tensor) in enumerate(tensors.items())}
            archive.writestr(zipfile.ZipInfo(f"{FOLDER}/data.pkl"), pickled(values))
            for number in range(COUNT):
                with archive.open(zipfile.ZipInfo(f"{FOLDER}/data/{number}"), "w", force_zip64=True) as record:
                    for _ in range(4 * LARGE // len(ZEROS)):
                        record.write(ZEROS)
        entry.size = file.seek(0, io.SEEK_END)
        file.truncate(start + header + -(-entry.size // 512) * 512 + 1024)
        file.start = 0
        file.seek(start)
        file.write(entry.tobuf(tarfile.PAX_FORMAT))
    begin = time.process_time()

    with NemoCheckpoint.open(path) as checkpoint:
        inspection = inspect(checkpoint)

    assert checkpoint.size("model_weights.ckpt") > 9 << 30
    assert inspection.findings == ()
    assert [tensor.elements for tensor in inspection.state.tensors] == [LARGE] * COUNT
    assert time.process_time() - begin < 1
