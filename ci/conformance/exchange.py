"""A request to the server as data, and what came back, with the views of it that checks read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ci.conformance.audio import AudioSpec
from ci.conformance.evaluation import Passage, Utterance

__all__ = ["Call", "Exchange", "Reply", "Request", "StreamSpec"]


class Call(StrEnum):
    """What a case calls.

    `Recognize`, `StreamingRecognize` and `GetRivaSpeechRecognitionConfig` of speech recognition; `PunctuateText`,
    `TransformText` and `GetRivaNLPConfig` of language understanding; `Check` and `Watch` of the health service.
    """

    OFFLINE = "offline"
    STREAMING = "streaming"
    MODELS = "models"
    PUNCTUATE = "punctuate"
    TRANSFORM = "transform"
    NLP_MODELS = "nlp-models"
    CHECK = "check"
    WATCH = "watch"

    @property
    def recognises(self) -> bool:
        """Whether audio is sent and text comes back."""
        return self in (Call.OFFLINE, Call.STREAMING)

    @property
    def rewrites(self) -> bool:
        """Whether texts are sent, and as many come back."""
        return self in (Call.PUNCTUATE, Call.TRANSFORM)

    @property
    def mode(self) -> str:
        """What a model must do to answer; empty for calls that need none."""
        return str(self) if self.recognises else "punctuation" if self.rewrites else ""


@dataclass(frozen=True)
class StreamSpec:
    """How a stream is sent.

    Attributes:
        chunk: Seconds of audio a message; `model` is the server's own chunk, `whole` everything at once.
        chunk_bytes: Bytes a message instead, which may cut samples in two.
        pace: `fast` sends as fast as the server reads, `real-time` when a microphone would have heard it.
        interim: Ask for interim results.
        config: Whether a first message with the configuration is sent.
        cancel_after: Give up after so many seconds of audio.
    """

    chunk: float | str = "model"
    chunk_bytes: int | None = None
    pace: str = "fast"
    interim: bool = False
    config: bool = True
    cancel_after: float | None = None


@dataclass(frozen=True)
class Request:
    """One call, whole.

    Attributes:
        utterance: Whose audio is sent, for the calls that recognise.
        config: Fields of `RecognitionConfig` as canonical JSON, which makes equal requests equal.
        passages: The texts that are sent, for the calls that rewrite.
        language: The language to rewrite in; empty leaves it to the server.
        model: The model to rewrite with, or the filter of a list of models; empty leaves it open.
        service: For the health calls.
        give_up: Seconds after which the client gives a call up.
        seat: Tells apart requests that must not share one answer; empty for those that may.
    """

    call: Call
    utterance: Utterance | None = None
    audio: AudioSpec = field(default_factory=AudioSpec)
    config: str = "{}"
    stream: StreamSpec = field(default_factory=StreamSpec)
    passages: tuple[Passage, ...] = ()
    language: str = ""
    model: str = ""
    service: str = ""
    request_id: str = ""
    give_up: float | None = None
    seat: str = ""

    @property
    def settings(self) -> Mapping[str, Any]:
        """`config` as a mapping."""
        settings: Mapping[str, Any] = json.loads(self.config)
        return settings


@dataclass(frozen=True)
class Reply:
    """A response message and when it came, in seconds since audio time zero."""

    message: Any
    at: float


@dataclass(frozen=True)
class Exchange:
    """A request with everything that came of it.

    Attributes:
        audio_seconds: How long the audio that was sent sounds.
        messages: How many messages of audio were sent.
        seconds: From the start of the call to its status.
    """

    request: Request
    replies: tuple[Reply, ...]
    code: str
    details: str
    audio_seconds: float = 0.0
    messages: int = 0
    seconds: float = 0.0

    @property
    def cancelled(self) -> bool:
        """Whether the client was to give up."""
        return self.request.stream.cancel_after is not None or self.request.give_up is not None

    @property
    def said(self) -> list[tuple[Utterance | Passage | None, str]]:
        """What was sent, with the text that came back for it."""
        if self.request.call.rewrites:
            return list(zip(self.request.passages, self.texts, strict=False))
        return [(self.request.utterance, self.transcript)]

    @property
    def texts(self) -> list[str]:
        """The texts that came back, in the order of those that were sent."""
        return [text for reply in self.replies for text in reply.message.text]

    @property
    def results(self) -> list[Any]:
        """All results, interim ones too, in the order of their arrival."""
        return [result for reply in self.replies for result in reply.message.results]

    @property
    def finals(self) -> list[Any]:
        """The results that stay: all of an offline call, those with `is_final` of a stream."""
        return [result for result in self.results if self.request.call is Call.OFFLINE or result.is_final]

    @property
    def tops(self) -> list[Any]:
        """The best alternative of each final result that has one."""
        return [result.alternatives[0] for result in self.finals if result.alternatives]

    @property
    def transcript(self) -> str:
        """The final text; clients join the results in the same way."""
        return " ".join(text for top in self.tops if (text := top.transcript.strip()))

    @property
    def words(self) -> list[Any]:
        """`WordInfo` of the final text."""
        return [word for top in self.tops for word in top.words]
