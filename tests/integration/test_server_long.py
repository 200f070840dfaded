"""Long audio and long silence: memory stays bounded, streams go on."""

import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from riva.client.proto import riva_asr_pb2 as rasr
from riva.client.proto import riva_asr_pb2_grpc

from tests.counting.client import config, messages, streaming, tone, transcripts, wav
from tests.counting.repository import model_config, write_model
from tests.counting.start_riva import StartRiva

pytestmark = [pytest.mark.triton, pytest.mark.full]

HOUR = 3600
MB = 1 << 20
TRITON_FORGETS = 40  # seconds, below the silence that is tried
SILENCE = 90


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartRiva]:
    path = tmp_path_factory.mktemp("models")
    online = model_config("count-online", "online")
    online.sequence_batching.max_sequence_idle_microseconds = TRITON_FORGETS * 1_000_000
    write_model(path, online)
    write_model(path, model_config("count-offline", "offline"))
    it = StartRiva("--riva-uri=127.0.0.1:0", f"--model-repository={path}")
    yield it
    it.stop()


@pytest.fixture(scope="module")
def stub(server: StartRiva) -> Iterator[riva_asr_pb2_grpc.RivaSpeechRecognitionStub]:
    unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(server.address, options=unlimited) as channel:
        yield riva_asr_pb2_grpc.RivaSpeechRecognitionStub(channel)


def memory(pid: int, which: str) -> int:
    """Bytes of a process: VmRSS now, VmHWM at most so far."""
    return int(Path(f"/proc/{pid}/status").read_text().split(f"{which}:")[1].split()[0]) << 10


def test_eight_hours_of_streaming_take_no_memory(
    server: StartRiva, stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub
) -> None:
    """A stream of eight hours, sent as fast as it is taken, holds no more at its end than after ten minutes."""
    minute = tone(60.0).tobytes()
    api = server.children()["api"]
    early = 0

    def audio() -> Iterator[rasr.StreamingRecognizeRequest]:
        nonlocal early
        yield from messages(streaming(encoding=1, sample_rate_hertz=16000), [])
        for index in range(8 * 60):
            if index == 10:
                early = memory(api, "VmRSS")
            for at in range(0, len(minute), 32000):
                yield rasr.StreamingRecognizeRequest(audio_content=minute[at : at + 32000])

    last = None
    for response in stub.StreamingRecognize(audio()):
        last = response.results[-1]

    assert last is not None
    assert last.audio_processed == pytest.approx(8 * HOUR)
    assert memory(api, "VmRSS") < early + 16 * MB


def test_a_recording_of_one_hour(server: StartRiva, stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub) -> None:
    """One hour at 48 kHz, 330 MiB, is recognised whole, in about four times its size of memory."""
    audio = wav(tone(HOUR, rate=48000), rate=48000)

    (result,) = stub.Recognize(rasr.RecognizeRequest(config=config(), audio=audio)).results

    assert len(result.alternatives[0].transcript.split()) == HOUR
    assert memory(server.children()["api"], "VmHWM") < 5 * len(audio)


def test_a_silent_stream_goes_on(stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub) -> None:
    """After 90 s without a message, longer than Triton keeps idle sequences, the stream still knows what it heard."""
    first, second = tone(2.0).tobytes(), tone(2.0).tobytes()

    def audio() -> Iterator[rasr.StreamingRecognizeRequest]:
        yield from messages(streaming(encoding=1, sample_rate_hertz=16000), [first])
        threading.Event().wait(SILENCE)
        yield rasr.StreamingRecognizeRequest(audio_content=second)

    assert transcripts(stub.StreamingRecognize(audio())) == ["hz450 hz450 hz450 hz450 "]
