"""At twice the load that a pipeline is made for, those who were let in are served as if they were alone."""

import asyncio
import time
from pathlib import Path

import grpc
import grpc.aio
import numpy as np
import pytest
from riva.client.proto import riva_asr_pb2 as rasr
from riva.client.proto import riva_asr_pb2_grpc

from tests.counting.client import pieces, streaming, tone
from tests.counting.repository import model_config, write_model
from tests.counting.start_riva import StartRiva

pytestmark = [pytest.mark.triton, pytest.mark.full]

STREAMS, SECONDS, CHUNK = 8, 8.0, 0.16
RETRY_SECONDS = 0.2
# Of a 95th percentile on a machine that does other things as well.
NOISE_SECONDS = 0.03


class Load:
    """Streams at real-time pace; what each message waited for its answer, and how often one was refused."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.waits: list[float] = []
        self.refused = 0

    async def run(self, wanted: int) -> None:
        async with grpc.aio.insecure_channel(self._address) as channel:
            stub = riva_asr_pb2_grpc.RivaSpeechRecognitionStub(channel)
            over = time.monotonic() + SECONDS
            await asyncio.gather(*(self._speaker(stub, index, over) for index in range(wanted)))

    async def _speaker(self, stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub, index: int, over: float) -> None:
        await asyncio.sleep(CHUNK * index / STREAMS)
        while time.monotonic() < over:
            try:
                await self._stream(stub, over)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                self.refused += 1
                await asyncio.sleep(RETRY_SECONDS)

    async def _stream(self, stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub, over: float) -> None:
        setting = streaming(interim=True, encoding=1, sample_rate_hertz=16000)
        call = stub.StreamingRecognize()
        await call.write(rasr.StreamingRecognizeRequest(streaming_config=setting))
        chunks = pieces(tone(SECONDS).tobytes(), round(CHUNK * 32000))
        due = time.monotonic()
        for chunk in chunks:
            due += CHUNK
            await asyncio.sleep(due - time.monotonic())
            if time.monotonic() > over:
                break
            sent = time.monotonic()
            await call.write(rasr.StreamingRecognizeRequest(audio_content=chunk))
            if await call.read() is grpc.aio.EOF:
                break
            self.waits.append(time.monotonic() - sent)
        await call.done_writing()
        while await call.read() is not grpc.aio.EOF:
            pass


def load(address: str, wanted: int) -> tuple[float, int]:
    """The 95th percentile of the waits, and the refusals."""
    made = Load(address)
    asyncio.run(made.run(wanted))
    return float(np.percentile(made.waits, 95)), made.refused


def test_twice_the_load_leaves_the_admitted_alone(tmp_path: Path) -> None:
    """p95 with as many refused clients knocking again and again is what it was without them."""
    write_model(tmp_path, model_config("count-online", "online", max_streams=str(STREAMS)))
    write_model(tmp_path, model_config("count-offline", "offline"))
    server = StartRiva("--riva-uri=127.0.0.1:0", f"--model-repository={tmp_path}")
    try:
        load(server.address, STREAMS)  # warm
        alone, none_refused = load(server.address, STREAMS)
        crowded, refused = load(server.address, 2 * STREAMS)
    finally:
        server.stop()

    assert none_refused == 0
    assert refused > STREAMS
    assert crowded < 1.5 * alone + NOISE_SECONDS, (alone, crowded, refused)
