"""What tests of the server say to it: tones, WAV files, requests."""

import io
import threading
import time
import wave
from collections.abc import Callable, Iterator

import numpy as np
from riva.client.proto import riva_asr_pb2 as rasr


def tone(seconds: float, hertz: int = 450, rate: int = 16000) -> np.ndarray:
    return (0.3 * 32767 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype("<i2")


def wav(samples: np.ndarray, *, rate: int = 16000, channels: int = 1) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def config(**more: object) -> rasr.RecognitionConfig:
    return rasr.RecognitionConfig(**{"language_code": "en-US", **more})


def streaming(*, interim: bool = False, **more: object) -> rasr.StreamingRecognitionConfig:
    return rasr.StreamingRecognitionConfig(config=config(**more), interim_results=interim)


def pieces(data: bytes, size: int = 5120) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def messages(setting: rasr.StreamingRecognitionConfig, chunks: list[bytes]) -> Iterator[rasr.StreamingRecognizeRequest]:
    yield rasr.StreamingRecognizeRequest(streaming_config=setting)
    for chunk in chunks:
        yield rasr.StreamingRecognizeRequest(audio_content=chunk)


def transcripts(responses: Iterator[rasr.StreamingRecognizeResponse], *, final: bool = True) -> list[str]:
    return [
        result.alternatives[0].transcript
        for response in responses
        for result in response.results
        if result.is_final == final
    ]


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether something becomes true within some seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Held:
    """An iterator of requests that yields some and then holds the stream open."""

    def __init__(self, *requests: rasr.StreamingRecognizeRequest) -> None:
        self._requests, self.closed = list(requests), threading.Event()

    def __iter__(self) -> Iterator[rasr.StreamingRecognizeRequest]:
        yield from self._requests
        self.closed.wait(20)
