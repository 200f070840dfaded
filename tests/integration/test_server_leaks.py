"""What many calls, and many clients that vanish, leave behind in the server and in Triton: nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import grpc.aio
import pytest
from riva.client.proto import riva_asr_pb2 as rasr
from riva.client.proto import riva_asr_pb2_grpc

from tests.counting.client import config, streaming, tone, wav
from tests.counting.repository import model_config, write_model
from tests.counting.start_riva import StartRiva

pytestmark = [pytest.mark.triton, pytest.mark.full]

REQUESTS, VANISHING, AT_ONCE = 10_000, 1_000, 16
STREAMS = 32  # what the counting pipeline's configuration lets Triton hold
AUDIO = wav(tone(0.5))

Call = Callable[[riva_asr_pb2_grpc.RivaSpeechRecognitionStub, int], Awaitable[None]]


async def recognize(stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub, index: int) -> None:
    """A call that ends well; every other one streams."""
    if index % 2:
        assert (await stub.Recognize(rasr.RecognizeRequest(config=config(), audio=AUDIO))).results
        return
    call = stub.StreamingRecognize()
    await call.write(rasr.StreamingRecognizeRequest(streaming_config=streaming(interim=True)))
    await call.write(rasr.StreamingRecognizeRequest(audio_content=AUDIO))
    await call.done_writing()
    assert [response async for response in call]


async def vanish(stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub, index: int) -> None:
    """A client that is gone at some moment of its stream: before, during or after its audio."""
    call = stub.StreamingRecognize()
    await call.write(rasr.StreamingRecognizeRequest(streaming_config=streaming(interim=True)))
    for _ in range(index % 3):
        await call.write(rasr.StreamingRecognizeRequest(audio_content=AUDIO))
        if index % 2:
            await call.read()
    await asyncio.sleep(0.001 * (index % 5))
    call.cancel()


async def many(address: str, call: Call, count: int) -> None:
    """Makes calls, some at once."""
    numbers = iter(range(count))

    async def worker() -> None:
        for index in numbers:
            await call(stub, index)

    async with grpc.aio.insecure_channel(address) as channel:
        stub = riva_asr_pb2_grpc.RivaSpeechRecognitionStub(channel)
        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def streams_at_once(address: str, count: int) -> None:
    """Opens as many streams as Triton holds, all of which must be answered while all are open."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = riva_asr_pb2_grpc.RivaSpeechRecognitionStub(channel)
        calls = [stub.StreamingRecognize() for _ in range(count)]
        for call in calls:
            await call.write(rasr.StreamingRecognizeRequest(streaming_config=streaming(interim=True)))
            await call.write(rasr.StreamingRecognizeRequest(audio_content=AUDIO))
        async with asyncio.timeout(20):
            assert len([await call.read() for call in calls]) == count
        for call in calls:
            await call.done_writing()
            assert (await call.read()).results


def footprint(pids: Iterable[int]) -> tuple[int, int]:
    """Resident memory in kB, and open descriptors, of processes together."""
    processes = [Path(f"/proc/{pid}") for pid in pids]
    memory = sum(int((each / "status").read_text().split("VmRSS:")[1].split()[0]) for each in processes)
    return memory, sum(len(list((each / "fd").iterdir())) for each in processes)


def test_nothing_is_left(tmp_path: Path) -> None:
    """10,000 requests and 1,000 vanished clients later: memory within 5 %, same descriptors, room for all streams."""
    write_model(tmp_path, model_config("count-online", "online", max_streams=str(STREAMS)))
    write_model(tmp_path, model_config("count-offline", "offline"))
    server = StartRiva("--riva-uri=127.0.0.1:0", f"--model-repository={tmp_path}", "--max-offline-requests=32")
    try:
        address, pids = server.address, server.children()
        # Allocators, caches and Triton's pools find their size first.
        asyncio.run(many(address, recognize, REQUESTS // 2))
        asyncio.run(many(address, vanish, VANISHING))
        asyncio.run(streams_at_once(address, STREAMS))
        before = footprint(pids.values())

        asyncio.run(many(address, recognize, REQUESTS))
        asyncio.run(many(address, vanish, VANISHING))
        asyncio.run(streams_at_once(address, STREAMS))

        after = footprint(pids.values())
        assert after[0] < 1.05 * before[0], (before, after)
        assert after[1] <= before[1] + 4, (before, after)
    finally:
        server.stop()
