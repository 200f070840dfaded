"""Calls a pipeline the way the API server does, with the stock tritonclient."""

import itertools
import json
from typing import Any

import numpy as np
import tritonclient.grpc as triton

_ids = itertools.count(1)


class Sequence:
    """One stream of a pipeline."""

    def __init__(self, client: triton.InferenceServerClient, model: str, config: dict[str, Any] | None = None) -> None:
        self._client, self._model, self._config = client, model, config
        self._id, self._started = next(_ids), False

    def send(self, samples: np.ndarray, *, end: bool = False) -> dict[str, Any]:
        """Sends audio and returns the pipeline's RESULT."""
        audio = triton.InferInput("AUDIO_SIGNAL", [1, len(samples)], "FP32")
        audio.set_data_from_numpy(samples[None].astype(np.float32))
        inputs = [audio]
        if self._config is not None and not self._started:
            text = triton.InferInput("CONFIG", [1, 1], "BYTES")
            text.set_data_from_numpy(np.array([[json.dumps(self._config).encode()]], np.object_))
            inputs.append(text)
        start, self._started = not self._started, True
        answer = self._client.infer(self._model, inputs, sequence_id=self._id, sequence_start=start, sequence_end=end)
        return json.loads(answer.as_numpy("RESULT")[0, 0])


def recognise(
    client: triton.InferenceServerClient,
    model: str,
    audio: np.ndarray,
    *,
    piece: int = 2560,
    config: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Sends audio in pieces; returns every answer."""
    sequence = Sequence(client, model, config)
    return [
        sequence.send(audio[first : first + piece], end=first + piece >= len(audio))
        for first in range(0, max(len(audio), 1), piece)
    ]


def finals(answers: list[dict[str, Any]]) -> list[str]:
    """Transcripts of the final results."""
    return [result["transcript"] for answer in answers for result in answer["results"] if result["is_final"]]
