"""start-riva on a subject, and what is asked of it and of its Triton from outside."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.bench.subject import LANGUAGE, RATE, Subject, Utterance
from ci.pipeline.run import listen
from ci.runtime import Command

__all__ = ["Recogniser", "Served", "cpu_seconds", "recognition_config", "serving"]

_CLOCK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes:
        uri: HOST:PORT of the API.
        triton_uri: HOST:PORT of its Triton.
    """

    uri: str
    triton_uri: str

    def recogniser(self) -> "Recogniser":
        """A client with a connection of its own."""
        return Recogniser(self.uri)

    def executions(self, model: str) -> tuple[int, int]:
        """How many items and how many batches a model has executed since it was loaded."""
        import tritonclient.grpc as triton

        with triton.InferenceServerClient(self.triton_uri) as client:
            (stats,) = client.get_inference_statistics(model).model_stats
            return stats.inference_count, stats.execution_count


class Recogniser:
    """A client that sends whole recordings, one after the other."""

    def __init__(self, uri: str) -> None:
        import grpc
        from riva.client.proto import riva_asr_pb2_grpc

        # Without a pool of its own, all clients of a process share one connection.
        self._channel = grpc.insecure_channel(uri, options=[("grpc.use_local_subchannel_pool", 1)])
        self._stub = riva_asr_pb2_grpc.RivaSpeechRecognitionStub(self._channel)

    def __call__(self, utterance: Utterance) -> str:
        """Returns the transcript."""
        from riva.client.proto import riva_asr_pb2 as asr

        response = self._stub.Recognize(
            asr.RecognizeRequest(config=recognition_config(), audio=utterance.pcm.tobytes())
        )
        return "".join(result.alternatives[0].transcript for result in response.results).strip()


def recognition_config() -> Any:
    """What every call asks for: 16-bit PCM as the utterances have it."""
    from riva.client.proto import riva_asr_pb2 as asr
    from riva.client.proto import riva_audio_pb2 as audio

    return asr.RecognitionConfig(
        encoding=audio.AudioEncoding.LINEAR_PCM, sample_rate_hertz=RATE, language_code=LANGUAGE, max_alternatives=1
    )


@contextmanager
def serving(subject: Subject, *flags: str) -> Iterator[Served]:
    """Starts the server; yields when it listens, stops it afterwards.

    Args:
        subject: Whose models are served.
        flags: More flags of start-riva.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    repository: tuple[str, Path] = ("--model-repository=", subject.models)
    command = Command(
        "start-riva",
        ("--riva-uri=127.0.0.1:0", f"--triton-grpc-port={port}", repository, *flags),
        subject.folder / "logs" / "bench.log",
    )
    with listen(command, lambda line: None) as (_, uri):
        yield Served(uri, f"127.0.0.1:{port}")


def cpu_seconds() -> float:
    """User and system time so far of all processes that descend from this one, those that ended not counted."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The command, in parentheses, may hold anything.
                fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            parents[int(entry.name)] = int(fields[1])
            ticks[int(entry.name)] = int(fields[11]) + int(fields[12])
    ours, generation = 0, {os.getpid()}
    while generation := {pid for pid, parent in parents.items() if parent in generation}:
        ours += sum(ticks[pid] for pid in generation)
    return ours / _CLOCK
