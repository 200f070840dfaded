"""Triton survives many streams at once: it writes to no memory that it has given back."""

import asyncio

import grpc.aio
import numpy as np
import pytest
from tritonclient.grpc import service_pb2_grpc

from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.server.models import Model
from pipelines.server.sequence import Sequence, StreamExchange
from pipelines.stages.deploy import DeployRequest, deploy
from pipelines.triton.process import TritonProcess
from tests.tones.archive import write_riva, write_rmir

pytestmark = pytest.mark.triton

STREAMS, REQUESTS = 60, 600
PIECE = np.zeros(1, np.float32)  # as little work as can be: what counts is how often a response is written
# Freed memory is overwritten, and nothing of it is set aside: whoever still uses it crashes in seconds, not in hours.
OVERWRITE_WHAT_IS_FREED = "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0"


async def stream(stub, number: int) -> int:
    """One stream of many small requests; returns how many were answered."""
    closing: set[asyncio.Task[None]] = set()
    model = Model("online", {})
    async with Sequence(StreamExchange(stub), model, {}, sequence_id=number, closing=closing) as sequence:
        answers = [await sequence.send(PIECE, end=each == REQUESTS - 1) for each in range(REQUESTS)]
    await asyncio.gather(*closing)
    return len(answers)


async def streams(address: str) -> list[int]:
    """All at once."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        return await asyncio.gather(*(stream(stub, number + 1) for number in range(STREAMS)))


def test_sixty_streams_are_answered_to_their_ends(tmp_path, monkeypatch):
    """Without room for their states, Triton ends with signal 11 within seconds."""
    rmir = write_rmir(tmp_path / "online.rmir", write_riva(tmp_path / "a.riva"), name="online", max_streams=STREAMS)
    deploy(DeployRequest(rmirs=(EncryptedPath(rmir),), repository=tmp_path / "models"))
    monkeypatch.setenv("GLIBC_TUNABLES", OVERWRITE_WHAT_IS_FREED)

    with TritonProcess(tmp_path / "models") as triton:
        answered = asyncio.run(streams(triton.grpc_address))

        assert answered == [REQUESTS] * STREAMS
        assert triton.poll() is None
