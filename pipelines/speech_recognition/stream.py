"""One stream of speech: audio in, windows of frames for the network out, its answers in, results out.

A window is `left` frames of context, a chunk, and `right` frames of context; only the chunk's time steps are decoded.
At the start of the stream the left context is what there is. A window is due as soon as the audio up to the end of its
right context has arrived (the last frame needs a few samples more and is left out where it is context only). At the
end of the stream what remains is one last window. So audio that is not longer than a chunk is one window, as in NeMo.

The state is the frames of one window, the statistics of normalisation and the text since the last final result, however
long the stream is.

This module is copied into the model repository: it needs numpy and nothing of this project but its neighbours.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .decoding import GreedyDecoder, Vocabulary, Word
from .endpointing import Endpointer, EndpointingSettings
from .features import FeatureSettings, FeatureStream, MelSpectrogram, Normalizer

__all__ = ["Recognizer", "RecognizerSettings", "Result", "Stream", "Window"]

Array = npt.NDArray[np.float32]

_STABILITY = 0.9  # of decoded text: only its last word may still grow
_EOU_STABILITY = 1.0  # a result with it that is not final marks the first guess of the end


@dataclass(frozen=True, kw_only=True)
class RecognizerSettings:
    """Everything a stream needs to know; `riva-deploy` writes it as JSON beside the model.

    Args:
        features: How audio becomes frames.
        labels: The vocabulary; blank comes after it.
        step_ms: Duration of a time step of the network.
        step_frames: Frames in a time step.
        chunk, left, right: Frames of a window's parts, multiples of `step_frames`.
        cumulative_norm: Normalise with the statistics of the whole stream so far instead of the window's.
        interim: Whether to give results that are not final.
        separate_utterances: Whether every utterance is a final result of its own.
        endpointing: Defaults of the pipeline; a request may override them.
    """

    features: FeatureSettings
    labels: tuple[str, ...]
    step_ms: float
    step_frames: int
    chunk: int
    left: int = 0
    right: int = 0
    cumulative_norm: bool = False
    interim: bool = True
    separate_utterances: bool = True
    endpointing: EndpointingSettings = field(default_factory=EndpointingSettings)

    @property
    def longest_steps(self) -> int:
        """Time steps of the longest window."""
        return -(-(self.left + self.chunk + self.right) // self.step_frames)

    def to_json(self) -> str:
        """Returns the settings as JSON; `from_json` is the inverse."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "RecognizerSettings":
        """Reads what `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        values["labels"] = tuple(values["labels"])
        values["features"] = FeatureSettings(**values["features"])
        values["endpointing"] = EndpointingSettings(**values["endpointing"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Window:
    """Frames for the network and which of its time steps are wanted.

    Args:
        frames: (frames, features), normalised.
        steps: The chunk's time steps among those of the window.
        first_step: Number of the first of them since the start of the stream.
    """

    frames: Array
    steps: slice
    first_step: int


@dataclass(frozen=True, slots=True)
class Result:
    """What was recognised; only a final result has its words one by one."""

    is_final: bool
    transcript: str
    stability: float
    words: tuple[Word, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Returns the result as the JSON of the pipeline's RESULT tensor."""
        confidence = sum(word.confidence for word in self.words) / len(self.words) if self.words else 0.0
        return {
            "is_final": self.is_final,
            "transcript": self.transcript,
            "confidence": round(confidence, 4),
            "stability": self.stability,
            "words": [
                {
                    "word": word.text,
                    "start_ms": word.start_ms,
                    "end_ms": word.end_ms,
                    "confidence": round(word.confidence, 4),
                }
                for word in self.words
            ],
        }


class Recognizer:
    """What all streams of a pipeline share."""

    def __init__(self, settings: RecognizerSettings, *, threads: int = 1) -> None:
        self.settings = settings
        self.mel = MelSpectrogram(settings.features, threads=threads)
        self.vocabulary = Vocabulary(settings.labels)
        features = settings.features
        # Frames of the right context that need samples beyond its end.
        self._beyond = -(-(features.window - self.mel.lead) // features.hop) - 1 if settings.right else 0

    def needed(self, chunk_start: int) -> int:
        """Number of frames, from the start of the stream, that the window of a chunk needs."""
        end = chunk_start + self.settings.chunk
        return max(end, end + self.settings.right - self._beyond)

    def stream(self, overrides: Mapping[str, Any] | None = None) -> "Stream":
        """Starts a stream.

        Args:
            overrides: Endpointing parameters of this stream.

        Raises:
            ValueError: A parameter is unknown or out of range.
        """
        return Stream(self, self.settings.endpointing.overridden(overrides or {}))


class Stream:
    """The state of one stream."""

    def __init__(self, recognizer: Recognizer, endpointing: EndpointingSettings) -> None:
        self._recognizer, self._settings = recognizer, recognizer.settings
        self._features = FeatureStream(recognizer.mel)
        self._normalizer = Normalizer(self._settings.features, cumulative=self._settings.cumulative_norm)
        self._decoder = GreedyDecoder(recognizer.vocabulary, step_ms=self._settings.step_ms)
        self._endpointer = Endpointer(endpointing, step_ms=self._settings.step_ms)
        self._frames = np.empty((0, self._settings.features.features), np.float32)
        self._first = 0  # number of the first frame that is kept
        self._next = 0  # number of the first frame that is not decoded yet
        self._said: tuple[str, float] = ("", 0.0)  # last interim result
        self._finals: list[Result] = []
        self._ended = False

    @property
    def seconds(self) -> float:
        """Audio received since the start of the stream."""
        return self._features.samples / self._settings.features.sample_rate

    def accept(self, samples: Array, *, end: bool = False) -> list[Window]:
        """Takes audio and returns the windows that are due.

        Args:
            samples: In [-1, 1] at the rate of the model; may be empty.
            end: Whether the stream ends here.
        """
        new = [self._features.append(samples)]
        if end:
            new.append(self._features.finish())
            self._ended = True
        self._frames = np.concatenate([self._frames, *new])
        for frames in new:
            self._normalizer.observe(frames)
        windows = []
        while (needed := self._recognizer.needed(self._next)) <= self._available:
            windows.append(self._window(needed, self._settings.chunk))
        if end and self._available > self._next:
            windows.append(self._window(self._available, self._available - self._next))
        self._forget()
        return windows

    @property
    def _available(self) -> int:
        return self._first + len(self._frames)

    def _window(self, end: int, chunk: int) -> Window:
        settings = self._settings
        start = max(self._first, self._next - settings.left)
        offset, steps = (self._next - start) // settings.step_frames, chunk // settings.step_frames
        last = chunk != settings.chunk
        window = Window(
            self._normalizer(self._frames[start - self._first : end - self._first]),
            slice(offset, None if last else offset + steps),
            self._next // settings.step_frames,
        )
        self._next += chunk
        return window

    def _forget(self) -> None:
        keep = max(self._first, self._next - self._settings.left)
        if keep > self._first:
            self._frames = self._frames[keep - self._first :].copy()
            self._first = keep

    def decode(self, window: Window, log_probabilities: Array) -> None:
        """Takes the network's answer (time steps, labels) to a window; windows in order."""
        chosen = log_probabilities[window.steps]
        labels: list[int] = chosen.argmax(-1).tolist()
        probabilities: list[float] = np.exp(chosen.max(-1)).tolist()
        first = 0
        while first < len(labels):
            stop = self._next_stop(labels[first:])
            last = len(labels) if stop is None else first + stop
            part = slice(first, last)
            self._decoder.decode(labels[part], probabilities[part], first_step=window.first_step + first)
            if stop is not None:
                self._finish_utterance()
            first = last

    def _next_stop(self, labels: list[int]) -> int | None:
        if not self._settings.separate_utterances:
            return None
        blank = self._recognizer.vocabulary.blank
        return self._endpointer.next_stop(label == blank for label in labels)

    def _finish_utterance(self) -> None:
        if transcript := self._decoder.transcript:
            words = self._decoder.words(limit_ms=1000 * self.seconds)
            self._finals.append(Result(True, transcript, 1.0, words))
        self._decoder.reset()
        self._endpointer.reset()
        self._said = ("", 0.0)

    def results(self) -> list[Result]:
        """Returns what is new: final results, then at most one that is not final."""
        if self._ended:
            self._finish_utterance()
        results, self._finals = self._finals, []
        if self._settings.interim and (transcript := self._decoder.transcript):
            stability = _EOU_STABILITY if self._endpointer.paused else _STABILITY
            if self._said != (transcript, stability):
                self._said = (transcript, stability)
                results.append(Result(False, transcript, stability))
        return results
