"""Running a network whose weights are mapped from files, without their staying in memory.

ONNX Runtime maps external weights instead of reading them. What a run touches stays resident, though only as copies of
the file that can be had again at any time; `kept_out` gives it back while the run goes on. The network computes the
same, and a network of 2 GB is tried in about 100 MB.
"""

import ctypes
import mmap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import onnxruntime

__all__ = ["kept_out", "mapped_options", "mapped_session"]

_PERIOD = 0.01  # seconds; a processor core touches some 40 MB of weights in that time


def mapped_session(graph: Path) -> onnxruntime.InferenceSession:
    """Opens a network as it stands."""
    options = mapped_options(onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def mapped_options(optimisation: onnxruntime.GraphOptimizationLevel) -> onnxruntime.SessionOptions:
    """Options of a session that makes no copies of the weights in forms that other kernels like better."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is told by the caller's error
    options.graph_optimization_level = optimisation
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.disable_prepacking", "1")
    return options


@contextmanager
def kept_out(files: Sequence[Path]) -> Iterator[None]:
    """Gives the pages of mapped files back, again and again, while the block runs."""
    libc, done = ctypes.CDLL(None, use_errno=True), threading.Event()
    names = {str(path.resolve()) for path in files}

    def give_back() -> None:
        while not done.wait(_PERIOD):
            for begin, end in _mappings(names):
                libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)

    thread = threading.Thread(target=give_back, name="kept_out", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _mappings(names: set[str]) -> Iterator[tuple[int, int]]:
    """Where this process has the files mapped. ONNX Runtime never writes there, so nothing but copies is given back."""
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        addresses, _, _, _, _, *path = line.split(maxsplit=5)
        if path and path[0] in names:
            begin, _, end = addresses.partition("-")
            yield int(begin, 16), int(end, 16)
