"""Triton's view of an acoustic network that ONNX Runtime runs, on the Python backend.

Inputs and outputs are those of the graph, so that `backend: "onnxruntime"` or `"tensorrt"` can take this model's
place by configuration alone. `riva-deploy` copies this file into the model repository.

Items (one window each) run side by side, one thread each: that does more of them in the same time than a batch does,
whose intermediate results leave the processor's cache (2.2 M Conformer, windows of 4 s: 1.8 ms of CPU per second of
audio one by one, 2.3 ms in batches of eight), and items of different length never need padding. The model is decoupled:
a request is answered when its own items are done, not when those of all requests are.
"""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils

__all__ = ["TritonPythonModel"]

GRAPH_FILE = "model.onnx"


class TritonPythonModel:
    """Called by the Python backend; its method names and signatures are the backend's."""

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the graph.

        Parameters of the configuration: `threads` (0: one a processor core) and `spread`, whether an item that is
        alone is spread over all threads, which answers it sooner and costs more processor time.
        """
        config = json.loads(args["model_config"])
        parameters = {name: value["string_value"] for name, value in config["parameters"].items()}
        threads = int(parameters["threads"]) or len(os.sched_getaffinity(0))
        path = Path(args["model_repository"]) / args["model_version"] / GRAPH_FILE
        self._one_thread = _session(path, 1)
        self._spread = _session(path, threads) if parameters["spread"] == "True" and threads > 1 else self._one_thread
        self._unfinished = 0  # items
        self._lock = threading.Lock()
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="network")
        self._inputs = {entry.name: len(entry.shape) for entry in self._one_thread.get_inputs()}
        self._outputs = [entry.name for entry in self._one_thread.get_outputs()]

    def execute(self, requests: list[Any]) -> None:
        """Starts the items of all requests; each request is answered when its last item is done."""
        for request in requests:
            items = _items(self._feeds(request))
            answering = _Answering(request.get_response_sender(), self._outputs, len(items))
            with self._lock:
                self._unfinished += len(items)
            for number, item in enumerate(items):
                self._workers.submit(self._run, item, number, answering)

    def finalize(self) -> None:
        """Called when the model is unloaded."""
        self._workers.shutdown()

    def _run(self, item: dict[str, Any], number: int, answering: "_Answering") -> None:
        session = self._spread if self._unfinished == 1 else self._one_thread
        try:
            answering.put(number, session.run(self._outputs, item))
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
    """The answer to one request, complete when all of its items are there."""

    def __init__(self, sender: Any, outputs: list[str], size: int) -> None:
        self._sender, self._outputs = sender, outputs
        self._values: list[Any] = [None] * size
        self._missing = size
        self._lock = threading.Lock()

    def put(self, number: int, values: list[Any]) -> None:
        """Takes the outputs of one item; the last one sends the answer."""
        self._values[number] = values
        if self._is_last():
            tensors = [
                pb_utils.Tensor(name, np.concatenate(parts) if len(parts) > 1 else parts[0])
                for name, *parts in zip(self._outputs, *self._values, strict=True)
            ]
            self._send(pb_utils.InferenceResponse(tensors))

    def fail(self, reason: str) -> None:
        """One item failed: so does the request, once."""
        with self._lock:
            failed, self._missing = self._missing <= 0, 0
        if not failed:
            self._send(pb_utils.InferenceResponse(error=pb_utils.TritonError(reason)))

    def _is_last(self) -> bool:
        with self._lock:
            self._missing -= 1
            return self._missing == 0

    def _send(self, response: Any) -> None:
        self._sender.send(response, flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)


def _items(feeds: dict[str, Any]) -> list[dict[str, Any]]:
    """Takes a batch apart into its items, each a batch of one."""
    size = len(next(iter(feeds.values())))
    return [{name: value[item : item + 1] for name, value in feeds.items()} for item in range(size)]


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Between runs, spinning threads would take the cores from the other processes of this machine.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
