"""Triton's view of a network that ONNX Runtime runs, on the Python backend.

Inputs and outputs are those of the graph, so that `backend: "onnxruntime"` or `"tensorrt"` can take this model's
place by configuration alone. `riva-deploy` copies this file into the model repository.

A batch is cut into parts of at most four items, which run side by side, one thread each: that keeps a machine's cores
busy without the waits between operators that threads within the network have, and a part of four costs no more per item
than a larger one (2.2 M Conformer, windows of 4 s, milliseconds of CPU a window: 6.7 alone, 6.4 in fours, 6.5 in
eights). Calls with items of different length are not padded to each other. A request is answered when its own parts are
done, not when those of all requests are, unless answers are to go `together`.
"""

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils

__all__ = ["TritonPythonModel"]

GRAPH_FILE = "model.onnx"
_PART = 4  # items
# Among several clients a part is alone for moments only: the cores that it would be spread over are wanted by the next.
_ALONE_SECONDS = 0.2
# A request that comes so soon after one that `execute` ran itself has waited for that one.
_QUEUED_SECONDS = 0.001


class TritonPythonModel:
    """Called by the Python backend; its method names and signatures are the backend's."""

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the graph.

        Parameters of the configuration: `threads` (0: one a processor core); `spread`, whether a part that is alone is
        spread over all threads, which answers it sooner and costs more processor time; `together`, whether `execute`
        returns the answers of its requests, instead of each being sent when it is ready. The latter keeps the cores
        busier where items differ in length. With a network of half a millisecond, eight callers and a machine that had
        no time for them, Triton 2.51 crashed once and lost an answer once while answers were sent. Since then neither
        was seen again in 360,000 calls, returned or sent; `pipelines/triton/process.py` has a crash that was mended.
        """
        config = json.loads(args["model_config"])
        parameters = {name: value["string_value"] for name, value in config["parameters"].items()}
        threads = int(parameters["threads"]) or len(os.sched_getaffinity(0))
        path = Path(args["model_repository"]) / args["model_version"] / GRAPH_FILE
        self._one_thread = _session(path, 1)
        self._spread = _session(path, threads) if parameters["spread"] == "True" and threads > 1 else self._one_thread
        self._together = parameters["together"] == "True"
        self._unfinished = 0  # parts
        self._crowded_at = 0.0  # when there was last more than one
        self._ran_at = 0.0  # when `execute` last ended that had run a part itself
        self._lock = threading.Lock()
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="network")
        self._inputs = {entry.name: len(entry.shape) for entry in self._one_thread.get_inputs()}
        self._outputs = [entry.name for entry in self._one_thread.get_outputs()]

    def execute(self, requests: list[Any]) -> list[Any] | None:
        """Starts the parts of all requests; each is answered when its last part is done, or all are together."""
        answers = [self._start(request, waits=len(requests) == 1) for request in requests]
        return [answering.response() for answering in answers] if self._together else None

    def finalize(self) -> None:
        """Called when the model is unloaded."""
        self._workers.shutdown()

    def _start(self, request: Any, *, waits: bool) -> "_Answering":
        """Starts a request's parts. One that is alone is run here and now, if nothing else waits to be started."""
        parts = _parts(self._feeds(request))
        answering = _Answering(None if self._together else request.get_response_sender(), self._outputs, len(parts))
        with self._lock:
            self._unfinished += len(parts)
            now = time.monotonic()
            if self._unfinished > 1 or now - self._ran_at < _QUEUED_SECONDS:
                self._crowded_at = now
        if waits and self._is_alone() and self._spread is not self._one_thread:
            self._run(parts[0], 0, answering)
            self._ran_at = time.monotonic()
            return answering
        for number, part in enumerate(parts):
            self._workers.submit(self._run, part, number, answering)
        return answering

    def _is_alone(self) -> bool:
        return self._unfinished == 1 and time.monotonic() - self._crowded_at > _ALONE_SECONDS

    def _run(self, part: dict[str, Any], number: int, answering: "_Answering") -> None:
        session = self._spread if self._is_alone() else self._one_thread
        try:
            answering.put(number, session.run(self._outputs, part))
        except Exception as error:  # a thread's border: the caller must hear of it, whatever it is
            answering.fail(f"{type(error).__name__}: {error}")
        finally:
            with self._lock:
                self._unfinished -= 1

    def _feeds(self, request: Any) -> dict[str, Any]:
        feeds = {}
        for name, rank in self._inputs.items():
            value = pb_utils.get_input_tensor_by_name(request, name).as_numpy()
            feeds[name] = value.reshape(value.shape[:rank])
        return feeds


class _Answering:
    """The answer to one request, complete when all of its parts are there; sent then, or waited for."""

    def __init__(self, sender: Any | None, outputs: list[str], size: int) -> None:
        self._sender, self._outputs = sender, outputs
        self._response: Any = None
        self._complete = threading.Event()
        self._values: list[Any] = [None] * size
        self._missing = size
        self._lock = threading.Lock()

    def put(self, number: int, values: list[Any]) -> None:
        """Takes the outputs of one part; the last one sends the answer."""
        self._values[number] = values
        if self._is_last():
            tensors = [
                pb_utils.Tensor(name, np.concatenate(parts) if len(parts) > 1 else parts[0])
                for name, *parts in zip(self._outputs, *self._values, strict=True)
            ]
            self._send(pb_utils.InferenceResponse(tensors))

    def fail(self, reason: str) -> None:
        """One part failed: so does the request, once."""
        with self._lock:
            failed, self._missing = self._missing <= 0, 0
        if not failed:
            self._send(pb_utils.InferenceResponse(error=pb_utils.TritonError(reason)))

    def response(self) -> Any:
        """Waits for the answer."""
        self._complete.wait()
        return self._response

    def _is_last(self) -> bool:
        with self._lock:
            self._missing -= 1
            return self._missing == 0

    def _send(self, response: Any) -> None:
        if self._sender is None:
            self._response = response
            self._complete.set()
        else:
            self._sender.send(response, flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)


def _parts(feeds: dict[str, Any]) -> list[dict[str, Any]]:
    """Cuts a batch into parts of nearly equal size."""
    size = len(next(iter(feeds.values())))
    count = -(-size // _PART)
    borders = [size * part // count for part in range(count + 1)]
    return [{name: value[first:last] for name, value in feeds.items()} for first, last in pairwise(borders)]


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Between runs, spinning threads would take the cores from the other processes of this machine.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
