"""Running a network whose weights are mapped from files, without their staying in memory.

ONNX Runtime maps external weights instead of reading them. What a run touches stays resident, though only as copies of
the file that can be had again at any time; they are given back while the run goes on. The network computes the same,
and one of 2 GB is tried in less than 200 MB.
"""

import ctypes
import mmap
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import onnxruntime

from pipelines.triton.graph_files import GraphFiles

__all__ = ["MappedSession", "give_back", "mapped_options"]

_PERIOD = 0.001  # seconds; a processor core touches up to 5 MB of weights in that time
_NICE = 10  # the network runs behind who gives its pages back

_libc = ctypes.CDLL(None)
_Range = tuple[int, int]  # addresses: the first, and the one behind the last


class MappedSession:
    """A network as it stands; what of `onnxruntime.InferenceSession` is needed to try it."""

    def __init__(self, files: GraphFiles) -> None:
        options = mapped_options(onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)
        self._session = onnxruntime.InferenceSession(files.graph, options, providers=["CPUExecutionProvider"])
        self._weights = files.weights
        self.get_inputs, self.get_outputs = self._session.get_inputs, self._session.get_outputs

    def run(self, outputs: Sequence[str] | None, feeds: Mapping[str, Any]) -> list[Any]:
        """Returns the outputs. Nothing may be unmapped meanwhile: another mapping could take the place."""
        ranges, done = [*_mappings(self._weights)], threading.Event()

        def keep_out() -> None:
            while not done.wait(_PERIOD):
                _give_back(ranges)

        def run() -> list[Any]:
            os.setpriority(os.PRIO_PROCESS, 0, min(19, os.getpriority(os.PRIO_PROCESS, 0) + _NICE))  # of this thread
            return list(self._session.run(outputs, dict(feeds)))

        keeper = threading.Thread(target=keep_out, name="keep_out", daemon=True)
        keeper.start()
        try:
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(run).result()
        finally:
            done.set()
            keeper.join()
            _give_back(ranges)
            _libc.malloc_trim(0)  # the thread that is gone had a heap of its own


def mapped_options(optimisation: onnxruntime.GraphOptimizationLevel) -> onnxruntime.SessionOptions:
    """Options of a session that makes no copies of the weights in forms that other kernels like better."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is told by the caller's error
    options.graph_optimization_level = optimisation
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.disable_prepacking", "1")
    return options


def give_back(files: Sequence[Path]) -> None:
    """Gives the pages back that this process has touched of mapped files; they are read again where they are needed.

    Memory that was freed goes back too.
    """
    _give_back(_mappings(files))
    _libc.malloc_trim(0)


def _give_back(ranges: Sequence[_Range] | Iterator[_Range]) -> None:
    for begin, end in ranges:
        _libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)


def _mappings(files: Sequence[Path]) -> Iterator[_Range]:
    """Where this process has files mapped. Nobody writes there, so that nothing but copies is given back."""
    names = {str(path.resolve()) for path in files}
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        addresses, _, _, _, _, *path = line.split(maxsplit=5)
        if path and path[0] in names:
            begin, _, end = addresses.partition("-")
            yield int(begin, 16), int(end, 16)
