"""Streams at the pace of speech: how many hold, and what they cost above the bare network."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Any

import numpy as np

from ci.bench.figure import Figure
from ci.bench.recognisers import Network
from ci.bench.server import Served, cpu_seconds, recognition_config, serving
from ci.bench.subject import RATE, Subject, Utterance, speech

__all__ = ["measure_admission", "measure_streaming"]

CHUNK = 0.16  # seconds
LIMIT = 0.2  # seconds, p95 of chunk latency
STREAMS = 8  # of the figures that are not about how many streams hold
_LADDER = (4, 8, 12, 14, 16, 18, 20, 24, 28, 32, 40, 48)
_WARM_UP = 2.0  # seconds of every stream whose latencies are not counted: left context fills, batches form
_RETRY = 0.5  # seconds after which a client that was refused tries again


@dataclass
class _Load:
    """What a number of streams went through."""

    latencies: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def p95(self) -> float:
        return self.quantile(0.95)

    def quantile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("inf")


def measure_streaming(subject: Subject, *, quick: bool) -> Iterator[Figure]:
    """Streams held, cost above the bare network, and the mean batch."""
    name, seconds = f"streaming/{subject.name}", 5.0 if quick else 15.0
    utterances = speech(16)
    with serving(subject, "--max-streams=64") as server:
        model = "riva-onnx-streaming-am-streaming"
        before, cpu = server.executions(model), cpu_seconds()
        load = _stream(server, utterances, streams=STREAMS, seconds=seconds)
        after, cpu = server.executions(model), cpu_seconds() - cpu
        windows, batches = after[0] - before[0], after[1] - before[1]
        held = 0
        for count in _LADDER[:2] if quick else _LADDER:
            # Two tries: a moment in which the machine was busy otherwise says nothing about the server.
            if all(_stream(server, utterances, streams=count, seconds=seconds).p95 >= LIMIT for _ in range(2)):
                break
            held = count
    bare = STREAMS * _bare_seconds(subject, utterances[0], seconds=seconds)
    for share in (0.5, 0.95):
        value = 1000 * load.quantile(share)
        yield Figure(name=f"{name}/chunk latency, {STREAMS} streams, p{share * 100:.0f}", value=value, unit="ms")
    yield Figure(name=f"{name}/streams held", value=held, unit="streams", at_least=None if quick else 12)
    yield Figure(name=f"{name}/CPU over the bare network", value=cpu / bare, unit="x", at_most=1.3)
    yield Figure(name=f"{name}/mean batch, {STREAMS} streams", value=windows / batches, unit="windows", at_least=2)


def measure_admission(subject: Subject, *, quick: bool) -> Iterator[Figure]:
    """The p95 of admitted streams with as many others refused, over what it is without those."""
    name, seconds = f"admission/{subject.name}", 5.0 if quick else 15.0
    utterances = speech(2 * STREAMS)
    alone, crowded, refused = [], [], 0
    with serving(subject, f"--max-streams={STREAMS}") as server:
        for _ in range(1 if quick else 3):
            alone.append(_stream(server, utterances, streams=STREAMS, seconds=seconds).p95)
            load = _stream(server, utterances, streams=2 * STREAMS, seconds=seconds)
            crowded.append(load.p95)
            refused += load.refused
    ratio = sorted(crowded)[len(crowded) // 2] / sorted(alone)[len(alone) // 2]
    yield Figure(name=f"{name}/refused at twice the limit", value=refused, unit="calls", at_least=STREAMS)
    yield Figure(name=f"{name}/p95 at twice the limit over p95 at the limit", value=ratio, unit="x", at_most=1.1)


def _bare_seconds(subject: Subject, utterance: Utterance, *, seconds: float) -> float:
    """CPU time of the exported network alone, in one thread, on the windows of one stream."""
    from pipelines.speech_recognition.stream import Recognizer, RecognizerSettings

    settings = subject.models / "streaming" / "1" / "recognizer.json"
    stream = Recognizer(RecognizerSettings.from_json(settings.read_text(encoding="utf-8"))).stream()
    windows = [window for chunk in _chunks(utterance, seconds) for window in stream.accept(chunk.samples)]
    features = [
        np.ascontiguousarray(window.frames.T)[None]
        for window in [*windows, *stream.accept(np.empty(0, np.float32), end=True)]
    ]
    network = Network(subject.graph, threads=1)
    network(features[-1])
    begin = process_time()
    for window in features:
        network(window)
    return process_time() - begin


def _stream(server: Served, utterances: list[Utterance], *, streams: int, seconds: float) -> _Load:
    load = _Load()
    asyncio.run(_all(server, utterances, streams, seconds, load))
    return load


async def _all(server: Served, utterances: list[Utterance], streams: int, seconds: float, load: _Load) -> None:
    phases = random.Random(0)  # noqa: S311 - speakers do not breathe in step
    clients = [
        _one(server.uri, utterances[index % len(utterances)], phases.uniform(0, 1), seconds, load)
        for index in range(streams)
    ]
    await asyncio.gather(*clients)


async def _one(uri: str, utterance: Utterance, phase: float, seconds: float, load: _Load) -> None:
    """One speaker, who starts `phase` seconds late and repeats himself until `seconds` are over."""
    import grpc.aio
    from riva.client.proto import riva_asr_pb2_grpc

    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(uri, options=options) as channel:
        stub = riva_asr_pb2_grpc.RivaSpeechRecognitionStub(channel)
        end = perf_counter() + phase + seconds
        await asyncio.sleep(phase)
        while (left := end - perf_counter()) > CHUNK:
            due: list[float] = []
            try:
                call = stub.StreamingRecognize(_messages(utterance, left, due))
                answered = 0
                async for _ in call:
                    if answered < len(due):  # the last answer may be to the end of the stream
                        latency = perf_counter() - due[answered]
                        if answered * CHUNK >= _WARM_UP:
                            load.latencies.append(latency)
                    answered += 1
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise
                load.refused += 1
                await asyncio.sleep(_RETRY)


async def _messages(utterance: Utterance, seconds: float, due: list[float]) -> AsyncIterator[Any]:
    """The configuration, then a chunk each time its last sample has been spoken; `due` gets those times."""
    from riva.client.proto import riva_asr_pb2 as asr

    config = asr.StreamingRecognitionConfig(config=recognition_config(), interim_results=True)
    yield asr.StreamingRecognizeRequest(streaming_config=config)
    begin = perf_counter()
    for number, chunk in enumerate(_chunks(utterance, seconds), 1):
        due.append(begin + number * CHUNK)
        await asyncio.sleep(due[-1] - perf_counter())
        yield asr.StreamingRecognizeRequest(audio_content=chunk.pcm.tobytes())


def _chunks(utterance: Utterance, seconds: float) -> Iterator[Utterance]:
    """The utterance over and over, in chunks, for so many seconds."""
    size = round(CHUNK * RATE)
    for number in range(round(seconds / CHUNK)):
        at = number * size % (len(utterance.pcm) - size)
        yield Utterance(utterance.pcm[at : at + size])
