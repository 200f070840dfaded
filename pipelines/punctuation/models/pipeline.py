"""Triton's view of a punctuation pipeline: texts in, texts with marks and capitals out.

Triton gathers the calls that arrive while others are being answered (dynamic batching). The windows of all their texts
go to the network's own model together (BLS), those of similar length side by side, so that padding costs little.

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

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_OUTPUTS = ("punct_logits", "capit_logits")
_Asked = tuple[Text, Window]


class TritonPythonModel:
    """Called by the Python backend; its method names and signatures are the backend's."""

    def initialize(self, args: dict[str, str]) -> None:
        """Reads the settings and the vocabulary that stand beside the model.

        Parameters of the configuration: `network`, its name; `network_batch_size`, the windows of one call of it;
        `network_calls`, how many of these are made at once.
        """
        config = json.loads(args["model_config"])
        parameters = {name: value["string_value"] for name, value in config["parameters"].items()}
        folder = Path(args["model_repository"]) / args["model_version"]
        settings = PunctuatorSettings.from_json((folder / SETTINGS_FILE).read_text("utf-8"))
        vocabulary = (folder / VOCABULARY_FILE).read_bytes().decode().split("\n")
        self._punctuator = Punctuator(settings, vocabulary)
        self._network = parameters["network"]
        self._batch_size, self._calls = int(parameters["network_batch_size"]), int(parameters["network_calls"])
        self._callers = ThreadPoolExecutor(self._calls, thread_name_prefix="calls")

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answers the requests, all at once."""
        calls = [_Call(request) for request in requests]
        asked = (each for call in calls for each in call.read(self._punctuator))
        try:
            while round_ := list(islice(asked, self._batch_size * self._calls)):
                self._hear(round_)
                if all(call.cancelled for call in calls):
                    break
        except _NetworkFailed as error:
            return [pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error))) for _ in calls]
        return [call.response() for call in calls]

    def finalize(self) -> None:
        """Called when the model is unloaded."""
        self._callers.shutdown()

    def _hear(self, asked: list[_Asked]) -> None:
        """Asks the network about some windows and tells their texts, in order."""
        order = sorted(range(len(asked)), key=lambda number: _length(asked[number]))
        parts = [
            [asked[number] for number in order[first : first + self._batch_size]]
            for first in range(0, len(order), self._batch_size)
        ]
        # All at once: the network's model runs them side by side.
        run = self._callers.map if len(parts) > 1 else map
        answers = dict(zip(order, (answer for part in run(self._ask, parts) for answer in part), strict=True))
        for number, (text, window) in enumerate(asked):
            text.hear(window, answers[number])

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
    """The texts of one request."""

    def __init__(self, request: Any) -> None:
        self._request = request
        contents = pb_utils.get_input_tensor_by_name(request, "TEXT").as_numpy()
        self._shape = contents.shape
        self._contents: list[bytes] = contents.reshape(-1).tolist()
        self._texts: list[Text] = []

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return bool(self._request.is_cancelled())

    def read(self, punctuator: Punctuator) -> Iterator[_Asked]:
        """What the network must be asked; the texts are tokenised on the way."""
        for content in self._contents:
            text = Text(content.decode(errors="replace"), punctuator)
            self._texts.append(text)
            for window in text.windows():
                yield text, window

    def response(self) -> Any:
        """The texts with what was heard about them."""
        if len(self._texts) < len(self._contents):
            return pb_utils.InferenceResponse(error=pb_utils.TritonError("cancelled", pb_utils.TritonError.CANCELLED))
        texts = np.array([text.punctuated().encode() for text in self._texts], np.object_)
        return pb_utils.InferenceResponse([pb_utils.Tensor("RESULT", texts.reshape(self._shape))])


def _length(asked: _Asked) -> int:
    _, window = asked
    return window.last - window.first
