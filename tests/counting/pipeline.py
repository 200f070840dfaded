"""A pipeline whose answers can be foretold: one word for each second of audio, naming the pitch that was heard.

It keeps the tensor contract of a real pipeline (AUDIO_SIGNAL and CONFIG in, RESULT out, one Triton sequence a stream)
and costs nothing, so tests of the server can say exactly what must come back and can make the pipeline fail on
purpose.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

RATE = 16000
WORDS_PER_UTTERANCE = 5
# Faults are asked for through the one thing that a client can pass through the server: endpointing.start_history.
FAIL, SLOW, CRASH = 13, 14, 15
SLOW_SECONDS = 1.0


class ToldToFail(Exception):
    """The stream asked for a failure."""


def pitch(second: np.ndarray) -> str:
    """The word for one second of audio: `silence`, or its pitch rounded to 50 Hz, as in `hz450`."""
    if np.sqrt(np.mean(second**2)) < 1e-3:
        return "silence"
    crossings = np.count_nonzero(np.diff(np.signbit(second)))
    return f"hz{round(crossings / 2 / 50) * 50}"


@dataclass
class CountingStream:
    """The state of one stream."""

    offline: bool = False
    utterance: int = WORDS_PER_UTTERANCE
    fault: int = 0
    heard: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    words: list[dict[str, Any]] = field(default_factory=list)
    samples: int = 0

    def configure(self, config: str) -> None:
        endpointing = json.loads(config or "{}").get("endpointing", {})
        self.utterance = max(1, endpointing.get("stop_history", WORDS_PER_UTTERANCE * 1000) // 1000)
        self.fault = endpointing.get("start_history", 0)

    def feed(self, samples: np.ndarray, *, end: bool) -> str:
        """The RESULT for one piece of audio."""
        if self.fault == FAIL:
            raise ToldToFail("the counting pipeline was told to fail")
        self.samples += len(samples)
        self.heard = np.concatenate([self.heard, samples])
        results, news = [], False
        while len(self.heard) >= RATE or (end and len(self.heard) >= RATE // 2):
            second, self.heard = self.heard[:RATE], self.heard[RATE:]
            start = 0 if not self.words else self.words[-1]["end_ms"]
            self.words.append({"word": pitch(second), "start_ms": start, "end_ms": start + 1000, "confidence": 0.5})
            news = True
            if len(self.words) % self.utterance == 0 and not self.offline:
                results.append(self._result(final=True))
        if end and (self.words if self.offline else len(self.words) % self.utterance):
            results.append(self._result(final=True))
        elif news and not self.offline and len(self.words) % self.utterance:
            results.append(self._result(final=False))
        return json.dumps({"results": results, "audio_processed": self.samples / RATE})

    def _result(self, *, final: bool) -> dict[str, Any]:
        first = 0 if self.offline else (len(self.words) - 1) // self.utterance * self.utterance
        words = self.words[first:]
        return {
            "is_final": final,
            "transcript": " ".join(w["word"] for w in words),
            "confidence": 0.5,
            "stability": 0.0 if final else 0.9,
            "words": words,
        }
