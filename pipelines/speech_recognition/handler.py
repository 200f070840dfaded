"""The RPCs of RivaSpeechRecognition: request -> tensors -> response.

What was understood of a stream so far is in Triton; only its audio is decoded here.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pipelines.contract import Rpc
from pipelines.server.audio.format import NO_SAMPLES, Samples
from pipelines.server.audio.reader import AudioReader
from pipelines.server.calls import Call
from pipelines.server.errors import ConfigMissing, ConfigRepeated, StreamIdle
from pipelines.server.sequence import Sequence
from pipelines.server.services import ServiceParts
from pipelines.speech_recognition.incoming import Incoming
from pipelines.speech_recognition.punctuating import punctuate
from pipelines.speech_recognition.recognition import Recognition
from pipelines.speech_recognition.responses import offline_response, streaming_response

__all__ = ["rpcs"]

_log = logging.getLogger(__name__)

_SERVICE = "asr"
# Triton forgets a sequence that was silent for two minutes, so it is told every so many seconds that a stream goes on.
KEEP_ALIVE_SECONDS = 30.0
# Audio of one request to Triton, at most: bounds the memory of a long recording.
PIECE_SECONDS = 30.0
# Compressed bytes decoded at a time; what they become is at most a few seconds of audio.
PIECE_BYTES = 1 << 18
# The first bytes say what the audio is; recordings of up to half a minute of PCM are short.
HEAD_BYTES = 1 << 12
SHORT_BYTES = 1 << 20
# Messages shorter than this part of a chunk are collected first: a request for each 20 ms of telephony would be waste.
SHARE_OF_CHUNK = 0.25


def rpcs(parts: ServiceParts) -> Mapping[str, Rpc]:
    """What answers for `nvidia.riva.asr.RivaSpeechRecognition`."""
    handler = _SpeechRecognition(parts)
    return {
        "Recognize": handler.recognize,
        "StreamingRecognize": handler.streaming_recognize,
    }


class _SpeechRecognition:
    def __init__(self, parts: ServiceParts) -> None:
        self._parts = parts
        # Said once: clients leave verbatim_transcripts unset by default, and a note in each call's line would be noise.
        _log.info("No inverse text normalisation in the open runtime: all transcripts are verbatim")

    async def recognize(self, request: Any, context: Any) -> Any:
        """One recording, one answer."""
        async with self._parts.calls.observe("Recognize", context) as call:
            call.identify(request)
            recognition = self._parse(request.config, kind="offline", call=call)
            results = await self._recognize(request.audio, recognition, call)
            call.responses = 1
            return offline_response(results, recognition=recognition, request_id=call.request_id)

    async def streaming_recognize(self, _: Any, context: Any) -> None:
        """Audio in, results out, until the client closes its side."""
        async with self._parts.calls.observe("StreamingRecognize", context) as call, Incoming(context) as incoming:
            first = await self._first_message(incoming)
            if first is None:
                return
            call.identify(first)
            recognition = self._parse(first.streaming_config.config, kind="online", call=call)
            with self._parts.slots.take(recognition.model):
                stream = _Stream(self._parts, recognition, call, interim=first.streaming_config.interim_results)
                await stream.run(incoming, context)

    def _parse(self, config: Any, *, kind: str, call: Call) -> Recognition:
        call.language_code = config.language_code
        models = self._parts.models
        recognition = Recognition.parse(
            config, models=models.of_service(_SERVICE), punctuators=models.of_pipeline("punctuation"), kind=kind
        )
        call.model = recognition.model.name
        call.notes.extend(recognition.notes)
        return recognition

    async def _first_message(self, incoming: Incoming) -> Any | None:
        timeout = self._parts.options.config_timeout
        try:
            message = await incoming.next(timeout=timeout)
        except TimeoutError:
            raise ConfigMissing(f"Nothing was sent for {timeout:g} seconds; send streaming_config first.") from None
        if message is not None and not message.HasField("streaming_config"):
            raise ConfigMissing("The first message carries audio; send one with streaming_config before it.")
        return message

    async def _recognize(self, audio: bytes, recognition: Recognition, call: Call) -> list[dict[str, Any]]:
        reader = AudioReader(recognition.declared, recognition.model.sample_rate)
        results = []
        async with self._parts.triton.recorded_sequence(recognition.model, recognition.pipeline_config) as sequence:
            pieces = _Pieces(audio, reader, limit=round(PIECE_SECONDS * recognition.model.sample_rate))
            piece, last = await pieces.next()
            while not last:
                # The next piece is decoded while Triton is busy with this one.
                result, (piece, last) = await asyncio.gather(sequence.send(piece), pieces.next())
                results.append(result)
            call.audio_seconds = reader.seconds
            call.notes.extend(_remarks(reader))
            if reader.seconds:
                results.append(await sequence.send(piece, end=True))
        if recognition.punctuator is not None:
            await punctuate(results, recognition.punctuator, self._parts.triton)
        return results


def _remarks(reader: AudioReader) -> Iterator[str]:
    """What the operator should know about audio that is over: it was recognised as far as it went."""
    if reader.missing:
        yield f"the audio ends {reader.missing} bytes before its header says"


class _Pieces:
    """A recording, decoded a piece at a time, away from the event loop, which must go on serving streams.

    A short one that need only be copied stays: to hand it over and back would take longer.
    """

    def __init__(self, audio: bytes, reader: AudioReader, *, limit: int) -> None:
        self._audio, self._reader, self._limit = audio, reader, limit
        self._at = 0
        self._over = False
        self._samples = NO_SAMPLES

    async def next(self) -> tuple[Samples, bool]:
        """At most `limit` samples, and whether they are the last."""
        if self._at == 0:
            self._samples = self._reader.feed(self._audio[:HEAD_BYTES])
            self._at = HEAD_BYTES
        if self._reader.only_copies and len(self._audio) <= SHORT_BYTES:
            return self._next()
        return await asyncio.to_thread(self._next)

    def _next(self) -> tuple[Samples, bool]:
        collected = [self._samples]
        count = len(self._samples)
        while count <= self._limit and not self._over:
            data = self._audio[self._at : self._at + PIECE_BYTES]
            self._at += len(data)
            samples = self._reader.feed(data) if data else self._reader.finish()
            self._over = not data
            collected.append(samples)
            count += len(samples)
        samples = np.concatenate(collected)
        self._samples = samples[self._limit :]
        return samples[: self._limit], self._over and not len(self._samples)


class _Stream:
    """One streaming call."""

    def __init__(self, parts: ServiceParts, recognition: Recognition, call: Call, *, interim: bool) -> None:
        self._parts, self._recognition, self._call, self._interim = parts, recognition, call, interim
        model = recognition.model
        self._reader = AudioReader(recognition.declared, model.sample_rate)
        self._chunk = round(model.chunk_size * model.sample_rate)
        self._waiting: list[Samples] = []
        self._results: list[dict[str, Any]] = []  # of the pipeline, not yet told to the client
        self._chunk_seconds = parts.metrics.chunk_seconds.labels(model.name)

    async def run(self, incoming: Incoming, context: Any) -> None:
        """Recognises until the client closes its side."""
        wanted = self._recognition
        async with self._parts.triton.live_sequence(wanted.model, wanted.pipeline_config) as sequence:
            while (message := await self._next(incoming, sequence)) is not None:
                begin = time.monotonic()
                if message.HasField("streaming_config"):
                    raise ConfigRepeated
                await self._hear(message.audio_content, sequence, incoming)
                await self._answer(context, trailing=False)
                self._chunk_seconds.observe(time.monotonic() - begin)
            self._waiting.append(self._reader.finish())
            self._call.audio_seconds = self._reader.seconds
            self._call.notes.extend(_remarks(self._reader))
            if self._reader.seconds:
                await self._send(sequence, end=True)
                await self._answer(context, trailing=True)

    async def _next(self, incoming: Incoming, sequence: Sequence) -> Any | None:
        """The next message; while there is none, Triton is told now and then that the stream goes on."""
        limit = self._parts.options.idle_timeout
        silent_since = time.monotonic()
        while True:
            left = limit - (time.monotonic() - silent_since)
            try:
                return await incoming.next(timeout=min(KEEP_ALIVE_SECONDS, left))
            except TimeoutError:
                if left <= KEEP_ALIVE_SECONDS:
                    raise StreamIdle(limit) from None
                if self._reader.seconds:
                    await self._send(sequence)

    async def _hear(self, audio: bytes, sequence: Sequence, incoming: Incoming) -> None:
        """Decodes a message, a part at a time if it is large, and passes on what is worth a request."""
        for at in range(0, len(audio), PIECE_BYTES):
            part = audio if len(audio) <= PIECE_BYTES else audio[at : at + PIECE_BYTES]
            self._waiting.append(self._reader.feed(part))
            # A client that is ahead of time gets whole chunks, which is cheaper for all.
            hurried = incoming.more or at + PIECE_BYTES < len(audio)
            worth = self._chunk * (1 if hurried else SHARE_OF_CHUNK)
            if sum(map(len, self._waiting)) >= worth:
                await self._send(sequence)
        self._call.audio_seconds = self._reader.seconds

    async def _send(self, sequence: Sequence, *, end: bool = False) -> None:
        samples = self._waiting[0] if len(self._waiting) == 1 else np.concatenate([NO_SAMPLES, *self._waiting])
        self._waiting = []
        self._results.append(await sequence.send(samples, end=end))

    async def _answer(self, context: Any, *, trailing: bool) -> None:
        """Writes a response: one for each audio message where interim results are wanted, otherwise only what is final.

        The latency figures of Riva's own client need exactly that number, or one more.
        """
        if self._recognition.punctuator is not None:
            await punctuate(self._results, self._recognition.punctuator, self._parts.triton)
        response = streaming_response(
            self._results, recognition=self._recognition, interim=self._interim, request_id=self._call.request_id
        )
        self._results = []
        if response.results or (self._interim and not trailing):
            self._call.responses += 1
            await context.write(response)
