"""Streams at the pace of speech."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import numpy as np

from ci.bench.server import cpu_seconds
from ci.bench.streaming import CHUNK, _chunks, _Load, _messages
from ci.bench.subject import RATE, Utterance

UTTERANCE = Utterance(np.arange(RATE, dtype=np.int16))


def test_chunks_repeat_the_utterance() -> None:
    """A stream that is longer than its utterance goes on from the start, always in whole chunks."""
    chunks = list(_chunks(UTTERANCE, 4.0))
    assert len(chunks) == 25
    assert {len(chunk.pcm) for chunk in chunks} == {round(CHUNK * RATE)}
    assert np.array_equal(chunks[0].pcm, UTTERANCE.pcm[: round(CHUNK * RATE)])


def test_audio_is_sent_when_it_has_been_spoken() -> None:
    """The configuration goes out at once, each chunk no earlier than its last sample; `due` says when that was."""
    due: list[float] = []

    async def collect() -> list[tuple[float, bool]]:
        return [
            (time.perf_counter(), message.HasField("streaming_config"))
            async for message in _messages(UTTERANCE, 3 * CHUNK, due)
        ]

    begin = time.perf_counter()
    (first, is_config), *rest = asyncio.run(collect())
    assert is_config
    assert first - begin < CHUNK
    assert [is_config for _, is_config in rest] == [False] * 3
    assert all(sent >= spoken for (sent, _), spoken in zip(rest, due, strict=True))
    assert np.allclose(np.diff(due), CHUNK)


def test_quantiles_of_latencies() -> None:
    """The p95 is a latency that was seen, and no latency at all is not a good one."""
    assert _Load(latencies=[value / 100 for value in range(100, 0, -1)]).p95 == 0.96
    assert _Load().p95 == float("inf")


def test_processor_time_of_children_is_counted() -> None:
    """A child that computes adds to the figure, as do its own children."""
    before = cpu_seconds()
    burn = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ntime.sleep(60)"
    spawn = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
    with subprocess.Popen([sys.executable, "-c", spawn], stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdout is not None
        child.stdout.readline()  # the grandchild has computed and sleeps
        spent = cpu_seconds() - before
        os.killpg(child.pid, signal.SIGKILL)
    assert spent >= 0.2
