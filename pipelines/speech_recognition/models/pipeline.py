"""Triton's view of a pipeline: a Python-backend model whose sequences are streams.

One `execute` gets the requests of many streams. Their due windows of equal length go to the network's own model in one
call (BLS); windows of different length never share a call, because padding would change what a network without masks
answers.

`riva-deploy` copies this package into the model repository, where this project is not importable.
"""

import ctypes
import json
import os
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from ..stream import Recognizer, RecognizerSettings, Stream, Window

__all__ = ["TritonPythonModel"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_KEPT_BYTES = 32 << 20  # the largest threshold that glibc takes on 64-bit machines
CALLERS = 16  # calls of the network at once; each waits in a thread of its own
SETTINGS_FILE = "recognizer.json"


@dataclass(slots=True)
class _Sequence:
    stream: Stream
    used: float


class TritonPythonModel:
    """Called by the Python backend; its method names and signatures are the backend's."""

    def initialize(self, args: dict[str, str]) -> None:
        """Reads the settings that stand beside the model."""
        _keep_memory()
        config = json.loads(args["model_config"])
        parameters = {name: value["string_value"] for name, value in config["parameters"].items()}
        folder = Path(args["model_repository"]) / args["model_version"]
        settings = RecognizerSettings.from_json((folder / SETTINGS_FILE).read_text("utf-8"))
        self._recognizer = Recognizer(settings, threads=len(os.sched_getaffinity(0)))
        self._network = _Network(
            parameters["network"],
            audio=parameters["network_input"],
            length=parameters.get("network_length_input", ""),
            output=parameters["network_output"],
            limit=int(parameters["network_max_batch_size"]),
        )
        self._idle_limit = 2e-6 * int(config["sequence_batching"]["max_sequence_idle_microseconds"])
        self._sequences: dict[int, _Sequence] = {}

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answers one request each of several streams."""
        turns = [_Turn(request) for request in requests]
        for turn in turns:
            try:
                turn.windows = self._accept(turn)
            except ValueError as error:
                turn.error = pb_utils.TritonError(str(error), pb_utils.TritonError.INVALID_ARG)
                self._sequences.pop(turn.sequence, None)
        due = [(turn, window) for turn in turns for window in turn.windows]
        answers, problem = self._network.infer([window.frames for _, window in due])
        for (turn, window), answer in zip(due, answers, strict=True):
            if answer is None:
                turn.error = pb_utils.TritonError(problem)
            elif turn.error is None:
                self._sequences[turn.sequence].stream.decode(window, answer)
        return [self._respond(turn) for turn in turns]

    def _accept(self, turn: "_Turn") -> list[Window]:
        now = time.monotonic()
        if turn.start:
            self._forget_idle(now)
            endpointing = turn.config().get("endpointing") or {}
            self._sequences[turn.sequence] = _Sequence(self._recognizer.stream(endpointing), now)
        sequence = self._sequences.get(turn.sequence)
        if sequence is None:
            raise ValueError(f"sequence {turn.sequence} is not known here: it failed, or was idle for too long")
        sequence.used = now
        return sequence.stream.accept(turn.audio(), end=turn.end)

    def _respond(self, turn: "_Turn") -> Any:
        if turn.error is not None:
            self._sequences.pop(turn.sequence, None)
            return pb_utils.InferenceResponse(error=turn.error)
        stream = self._sequences[turn.sequence].stream
        answer = {
            "results": [result.to_dict() for result in stream.results()],
            "audio_processed": stream.seconds,
        }
        if turn.end:
            del self._sequences[turn.sequence]
        text = json.dumps(answer, ensure_ascii=False).encode()
        return pb_utils.InferenceResponse([pb_utils.Tensor("RESULT", np.array([[text]], np.object_))])

    def _forget_idle(self, now: float) -> None:
        """Triton drops an idle sequence without telling the model."""
        idle = [key for key, sequence in self._sequences.items() if now - sequence.used > self._idle_limit]
        for key in idle:
            del self._sequences[key]


def _keep_memory() -> None:
    """Tells glibc to keep freed memory instead of giving it back after each request.

    Every array of more than 128 kB would else be mapped anew, page fault by page fault: 7 ms instead of 3 ms for the
    features of ten seconds. What is kept is bounded by what one request needs.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # other C libraries have no such knobs
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, 2 * _KEPT_BYTES)


class _Turn:
    """One request of one stream, on its way through `execute`."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self.sequence = request.correlation_id()
        self.start = bool(request.flags() & pb_utils.TRITONSERVER_REQUEST_FLAG_SEQUENCE_START)
        self.end = bool(request.flags() & pb_utils.TRITONSERVER_REQUEST_FLAG_SEQUENCE_END)
        self.windows: list[Window] = []
        self.error: Any = None

    def audio(self) -> Any:
        return pb_utils.get_input_tensor_by_name(self._request, "AUDIO_SIGNAL").as_numpy().reshape(-1)

    def config(self) -> dict[str, Any]:
        tensor = pb_utils.get_input_tensor_by_name(self._request, "CONFIG")
        if tensor is None:
            return {}
        config = json.loads(tensor.as_numpy().reshape(-1)[0] or b"{}")
        if not isinstance(config, dict):
            raise ValueError(f"CONFIG: expected a JSON object, got {type(config).__name__}")
        return config


class _Network:
    """The acoustic network, a model of its own."""

    def __init__(self, name: str, *, audio: str, length: str, output: str, limit: int) -> None:
        self._name, self._audio, self._length, self._output, self._limit = name, audio, length, output, limit
        self._callers = ThreadPoolExecutor(CALLERS, thread_name_prefix="calls")

    def infer(self, windows: list[Any]) -> tuple[list[Any], str]:
        """Returns the log probabilities (time steps, labels) of each window (frames, features).

        A window whose call failed gets None; the second value says why.
        """
        groups = defaultdict(list)
        for index, window in enumerate(windows):
            groups[len(window)].append(index)
        batches = [
            members[first : first + self._limit]
            for members in groups.values()
            for first in range(0, len(members), self._limit)
        ]
        answers: list[Any] = [None] * len(windows)
        problem = ""
        parts = [[windows[index] for index in batch] for batch in batches]
        # All at once: the network's model runs them side by side.
        calls = self._callers.map(self._call, parts) if len(parts) > 1 else map(self._call, parts)
        for batch, response in zip(batches, calls, strict=True):
            if response.has_error():
                problem = f"{self._name}: {response.error().message()}"
                continue
            output = pb_utils.get_output_tensor_by_name(response, self._output).as_numpy()
            for index, answer in zip(batch, output, strict=True):
                answers[index] = answer
        return answers, problem

    def _call(self, windows: list[Any]) -> Any:
        batch = np.empty((len(windows), windows[0].shape[1], windows[0].shape[0]), np.float32)
        for item, window in zip(batch, windows, strict=True):
            item[:] = window.T
        inputs = [pb_utils.Tensor(self._audio, batch)]
        if self._length:
            inputs.append(pb_utils.Tensor(self._length, np.full((len(batch), 1), batch.shape[2], np.int64)))
        request = pb_utils.InferenceRequest(model_name=self._name, requested_output_names=[self._output], inputs=inputs)
        # Not exec(decoupled=True): Triton 2.51 frees the arrays of its answers in a thread without Python's lock
        # (python_backend r24.10, Stub::SendCleanupId), which crashes this process once in some thousand calls.
        return request.exec()
