"""Triton's view of a punctuation pipeline: texts in, texts with marks and capitals out.

Triton gathers the calls that arrive while others are being answered (dynamic batching); the windows of all their texts
go to the network's own model together (BLS), those of similar length side by side, so that padding costs little. A call
with much text is answered by a thread of its own, a batch of windows at a time, so that nobody waits for it.

`riva-deploy` copies this package into the model repository, where this project is not importable.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from ..punctuator import Answer, Punctuator, PunctuatorSettings, Text, probabilities
from ..windows import Window

__all__ = ["TritonPythonModel"]

SETTINGS_FILE, VOCABULARY_FILE = "punctuator.json", "vocab.txt"
MUCH_TEXT = 4096  # bytes of a call; a second's work of a large network
LONG_CALLS = 2  # answered at a time, one batch of the network each, so that short ones always find a gap
CALLERS = 16  # calls of the network at once; each waits in a thread of its own

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_OUTPUTS = ("punct_logits", "capit_logits")
_Asked = tuple[Text, Window]


class TritonPythonModel:
    """Called by the Python backend; its method names and signatures are the backend's."""

    def initialize(self, args: dict[str, str]) -> None:
        """Reads the settings and the vocabulary that stand beside the model."""
        config = json.loads(args["model_config"])
        parameters = {name: value["string_value"] for name, value in config["parameters"].items()}
        folder = Path(args["model_repository"]) / args["model_version"]
        settings = PunctuatorSettings.from_json((folder / SETTINGS_FILE).read_text("utf-8"))
        vocabulary = (folder / VOCABULARY_FILE).read_bytes().decode().split("\n")
        self._punctuator = Punctuator(settings, vocabulary)
        self._network, self._limit = parameters["network"], int(parameters["network_max_batch_size"])
        self._callers = ThreadPoolExecutor(CALLERS, thread_name_prefix="calls")
        self._long_calls = ThreadPoolExecutor(LONG_CALLS, thread_name_prefix="long")

    def execute(self, requests: list[Any]) -> None:
        """Answers the calls; those with much text later than this returns."""
        calls = [_Call(request) for request in requests]
        for call in calls:
            if call.size > MUCH_TEXT:
                self._long_calls.submit(self._answer_long, call)
        if short := [call for call in calls if call.size <= MUCH_TEXT]:
            self._answer_together(short)

    def finalize(self) -> None:
        """Called when the model is unloaded."""
        self._long_calls.shutdown()
        self._callers.shutdown()

    def _answer_together(self, calls: list["_Call"]) -> None:
        asked = [each for call in calls for each in call.read(self._punctuator)]
        order = sorted(range(len(asked)), key=lambda number: _length(asked[number]))
        batches = list(_batches(iter(order), self._limit))
        parts = [[asked[number] for number in batch] for batch in batches]
        # All at once: the network's model runs them side by side.
        run = self._callers.map if len(parts) > 1 else map
        try:
            answers = dict(zip(order, (answer for part in run(self._ask, parts) for answer in part), strict=True))
        except _NetworkFailed as error:
            for call in calls:
                call.fail(str(error))
            return
        for number, (text, window) in enumerate(asked):
            text.hear(window, answers[number])
        for call in calls:
            call.answer()

    def _answer_long(self, call: "_Call") -> None:
        try:
            for batch in _batches(call.read(self._punctuator), self._limit):
                if call.cancelled:
                    break
                for (text, window), answer in zip(batch, self._ask(batch), strict=True):
                    text.hear(window, answer)
            call.answer()
        except Exception as error:  # a thread's border: the caller must hear of it, whatever it is
            call.fail(str(error) if isinstance(error, _NetworkFailed) else f"{type(error).__name__}: {error}")

    def _ask(self, batch: list[_Asked]) -> list[Answer]:
        """What the network says about each window of a batch."""
        inputs = [pb_utils.Tensor(*pair) for pair in zip(_INPUTS, self._punctuator.inputs(batch), strict=True)]
        request = pb_utils.InferenceRequest(
            model_name=self._network, requested_output_names=list(_OUTPUTS), inputs=inputs
        )
        response = request.exec()  # not decoupled, which crashes: see speech_recognition/models/pipeline.py
        if response.has_error():
            raise _NetworkFailed(f"{self._network}: {response.error().message()}")
        logits = (pb_utils.get_output_tensor_by_name(response, name).as_numpy() for name in _OUTPUTS)
        return [Answer(*answer) for answer in zip(*map(probabilities, logits), strict=True)]


class _NetworkFailed(Exception):
    """The network's model answered with an error."""


class _Call:
    """The texts of one call."""

    def __init__(self, request: Any) -> None:
        self._sender = request.get_response_sender()
        contents = pb_utils.get_input_tensor_by_name(request, "TEXT").as_numpy()
        self._shape = contents.shape
        self._contents: list[bytes] = contents.reshape(-1).tolist()
        self._texts: list[Text] = []
        self.size = sum(map(len, self._contents))

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return bool(self._sender.is_cancelled())

    def read(self, punctuator: Punctuator) -> Iterator[_Asked]:
        """What the network must be asked; the texts are tokenised on the way."""
        for content in self._contents:
            text = Text(content.decode(errors="replace"), punctuator)
            self._texts.append(text)
            for window in text.windows():
                yield text, window

    def answer(self) -> None:
        """Sends the texts with what was heard about them."""
        texts = np.array([text.punctuated().encode() for text in self._texts], np.object_)
        self._send(pb_utils.InferenceResponse([pb_utils.Tensor("RESULT", texts.reshape(self._shape))]))

    def fail(self, reason: str) -> None:
        """Tells the caller that there is no answer."""
        self._send(pb_utils.InferenceResponse(error=pb_utils.TritonError(reason)))

    def _send(self, response: Any) -> None:
        self._sender.send(response, flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)


def _length(asked: _Asked) -> int:
    _, window = asked
    return window.last - window.first


def _batches(items: Iterator[Any], limit: int) -> Iterator[list[Any]]:
    while batch := list(islice(items, limit)):
        yield batch
