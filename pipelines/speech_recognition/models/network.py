"""Triton's view of an acoustic network that ONNX Runtime runs, on the Python backend.

Inputs and outputs are those of the graph, so that `backend: "onnxruntime"` or `"tensorrt"` can take this model's
place by configuration alone. `riva-deploy` copies this file into the model repository.

Items (one window each) run side by side, one thread each: that does more of them in the same time than a batch does,
whose intermediate results leave the processor's cache (2.2 M Conformer, windows of 4 s: 1.8 ms of CPU per second of
audio one by one, 2.3 ms in batches of eight), and items of different length never need padding.
"""

import json
import os
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
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="network")
        self._inputs = {entry.name: len(entry.shape) for entry in self._one_thread.get_inputs()}
        self._outputs = [entry.name for entry in self._one_thread.get_outputs()]

    def execute(self, requests: list[Any]) -> list[Any]:
        """Runs the items of all requests; requests may differ in length."""
        items = [_items(self._feeds(request)) for request in requests]
        # Longest first, so that the threads finish together.
        order = sorted(
            ((request, item) for request, several in enumerate(items) for item in range(len(several))),
            key=lambda place: -max(value.size for value in items[place[0]][place[1]].values()),
        )
        session = self._spread if len(order) == 1 else self._one_thread
        answers = dict(
            zip(
                order,
                self._workers.map(lambda place: session.run(self._outputs, items[place[0]][place[1]]), order),
                strict=True,
            )
        )
        return [
            self._response([answers[request, item] for item in range(len(several))])
            for request, several in enumerate(items)
        ]

    def _feeds(self, request: Any) -> dict[str, Any]:
        feeds = {}
        for name, rank in self._inputs.items():
            value = pb_utils.get_input_tensor_by_name(request, name).as_numpy()
            feeds[name] = value.reshape(value.shape[:rank])
        return feeds

    def _response(self, answers: list[Any]) -> Any:
        tensors = [
            pb_utils.Tensor(name, np.concatenate(values) if len(values) > 1 else values[0])
            for name, *values in zip(self._outputs, *answers, strict=True)
        ]
        return pb_utils.InferenceResponse(tensors)


def _items(feeds: dict[str, Any]) -> list[dict[str, Any]]:
    """Takes a batch apart into its items, each a batch of one."""
    size = len(next(iter(feeds.values())))
    return [{name: value[item : item + 1] for name, value in feeds.items()} for item in range(size)]


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait take the core from the other processes of this machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
