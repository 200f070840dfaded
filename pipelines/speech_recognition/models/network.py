"""Triton's view of an acoustic network that ONNX Runtime runs, on the Python backend.

Inputs and outputs are those of the graph, so that `backend: "onnxruntime"` or `"tensorrt"` can take this model's place by
configuration alone. `riva-deploy` copies this file into the model repository.
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
    """Called by the Python backend; its method names and signatures are the backend's.

    One item alone is spread over all threads inside the network's operators; several items run side by side, one thread each,
    which does more of them in the same time.
    """

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the graph."""
        config = json.loads(args["model_config"])
        threads = int(config["parameters"]["threads"]["string_value"]) or len(os.sched_getaffinity(0))
        path = Path(args["model_repository"]) / args["model_version"] / GRAPH_FILE
        self._alone = _session(path, threads)
        self._side_by_side = _session(path, 1) if threads > 1 else self._alone
        self._threads = threads
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="network")
        self._inputs = [entry.name for entry in self._alone.get_inputs()]
        self._outputs = [entry.name for entry in self._alone.get_outputs()]
        self._ranks = {entry.name: len(entry.shape) for entry in self._alone.get_inputs()}

    def execute(self, requests: list[Any]) -> list[Any]:
        """Runs each request's batch; requests may differ in length and are never padded to one another."""
        batches = [self._feeds(request) for request in requests]
        shares = [part for feeds in batches for part in self._split(feeds, len(requests))]
        if len(shares) == 1:
            outputs = [self._alone.run(self._outputs, shares[0])]
        else:
            outputs = list(self._workers.map(lambda feeds: self._side_by_side.run(self._outputs, feeds), shares))
        responses = []
        for feeds in batches:
            count = len(self._split(feeds, len(requests)))
            parts, outputs = outputs[:count], outputs[count:]
            tensors = [
                pb_utils.Tensor(name, np.concatenate(values) if count > 1 else values[0])
                for name, *values in zip(self._outputs, *parts, strict=True)
            ]
            responses.append(pb_utils.InferenceResponse(tensors))
        return responses

    def _feeds(self, request: Any) -> dict[str, Any]:
        feeds = {}
        for name in self._inputs:
            value = pb_utils.get_input_tensor_by_name(request, name).as_numpy()
            feeds[name] = value.reshape(value.shape[: self._ranks[name]])
        return feeds

    def _split(self, feeds: dict[str, Any], requests: int) -> list[dict[str, Any]]:
        size = len(next(iter(feeds.values())))
        parts = 1 if requests >= self._threads else min(self._threads, size)
        borders = [size * part // parts for part in range(parts + 1)]
        return [
            {name: value[first:last] for name, value in feeds.items()}
            for first, last in zip(borders, borders[1:], strict=False)
        ]


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait take the core from the other processes of this machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
