"""What a verdict costs: no torch, no NeMo, no second, whatever the size of the checkpoint."""

import ast
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.nemo_checkpoints import config, write_nemo
from tests.torch_archives import FOLDER, Tensor, pickled, rebuilt

ROOT = Path(__file__).parents[4]
LARGE = 5 << 30  # bytes; more than 32 bits can count
BLOCK = bytes(1 << 20)

RUN = """
import re, sys, time
started = time.process_time()
from pipelines.cli.riva_verdict import main
code = main([sys.argv[1], "--memory=any", "--disk=any"])
print(sorted(sys.modules), file=sys.stderr)
peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]  # getrusage would count the parent's
print(code, time.process_time() - started, peak, file=sys.stderr)
"""


class Sparse(io.RawIOBase):
    """A part of a file into which blocks of zeros are not written, but left out as holes."""

    def __init__(self, file: io.BufferedRandom) -> None:
        self._file, self._start = file, file.tell()

    def write(self, data: object) -> int:
        if data is BLOCK:
            self._file.seek(len(BLOCK), io.SEEK_CUR)
            return len(BLOCK)
        return self._file.write(data)  # type: ignore[arg-type]

    def tell(self) -> int:
        return self._file.tell() - self._start

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(position + self._start) - self._start

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True


def write_large(path: Path) -> Path:
    """Writes a checkpoint of `LARGE` bytes that hardly take any space on the disk."""

    class Huge(Tensor):
        data = range(LARGE)  # its length is all that is asked for

    weights = {
        "decoder.decoder_layers.0.weight": rebuilt(Tensor((4, 16, 1)), "0"),
        "decoder.decoder_layers.0.bias": rebuilt(Tensor((4,)), "1"),
        "encoder.huge": rebuilt(Huge((LARGE // 4,)), "2"),
    }
    text = yaml.safe_dump(config()).encode()
    with path.open("w+b") as file:
        entry = tarfile.TarInfo("./model_config.yaml")
        entry.size = len(text)
        file.write(entry.tobuf() + text + bytes(-len(text) % tarfile.BLOCKSIZE))
        header = file.tell()
        file.seek(tarfile.BLOCKSIZE, io.SEEK_CUR)
        with zipfile.ZipFile(Sparse(file), "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
            for name, content in (("data.pkl", pickled(weights)), ("data/0", bytes(256)), ("data/1", bytes(16))):
                archive.writestr(zipfile.ZipInfo(f"{FOLDER}/{name}"), content)
            with archive.open(zipfile.ZipInfo(f"{FOLDER}/data/2"), "w", force_zip64=True) as record:
                for _ in range(LARGE // len(BLOCK)):
                    record.write(BLOCK)
        entry = tarfile.TarInfo("./model_weights.ckpt")
        entry.size = file.seek(0, io.SEEK_END) - header - tarfile.BLOCKSIZE
        file.write(bytes(-entry.size % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE))
        file.seek(header)
        file.write(entry.tobuf(tarfile.GNU_FORMAT))
    return path


def cost(path: Path) -> tuple[set[str], int, float, int]:
    """Judges in a process of its own; returns modules, exit code, seconds of computing and kilobytes of memory."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(path)], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    modules, figures = done.stderr.splitlines()[-2:]
    code, seconds, memory = figures.split()
    return {name.split(".")[0] for name in ast.literal_eval(modules)}, int(code), float(seconds), int(memory)


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    """A verdict needs neither torch nor NeMo, nor anything else that takes long to import."""
    modules, code, _, _ = cost(write_nemo(tmp_path / "a.nemo"))

    assert code == 0
    assert modules & {"torch", "nemo", "numpy", "onnx", "onnxruntime", "tritonclient", "grpc"} == set()


@pytest.mark.full
def test_the_size_of_a_checkpoint_does_not_matter(tmp_path: Path) -> None:
    """Five gigabytes in a plain tar are judged in less than a second of computing and 100 MB of memory."""
    path = write_large(tmp_path / "large.nemo")
    assert path.stat().st_size > LARGE

    _, code, seconds, memory = cost(path)

    assert code == 0
    assert seconds < 1
    assert memory < 100_000
