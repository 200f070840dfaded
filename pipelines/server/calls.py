"""What happens around every call: an id, an end with the right status, a line in the log and the figures."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc
import grpc.aio

from pipelines.server import status
from pipelines.server.access_log import log_call
from pipelines.server.errors import CallError
from pipelines.server.metrics import Metrics

__all__ = ["Call", "Calls"]

_log = logging.getLogger(__name__)


@dataclass
class Call:
    """What is known about a call; handlers fill it in as they learn it.

    Attributes:
        method: Such as `StreamingRecognize`.
        request_id: The client's, or one made here, so that every answer and every log line has one.
        audio_seconds: Audio recognised.
        texts, text_bytes: Texts processed, and their size together.
        notes: What the operator should know, such as options that were ignored.
    """

    method: str
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    model: str = ""
    language_code: str = ""
    audio_seconds: float = 0.0
    texts: int = 0
    text_bytes: int = 0
    responses: int = 0
    notes: list[str] = field(default_factory=list)

    def identify(self, request: Any) -> None:
        """Takes over the request's own id, if it brings one."""
        self.request_id = request.id.value or self.request_id


class Calls:
    """Watches over the calls of one server."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    @asynccontextmanager
    async def observe(self, method: str, context: Any) -> AsyncIterator[Call]:
        """Wraps a handler: errors raised inside become the status of the call."""
        call, begin, error = Call(method), time.monotonic(), None
        code = grpc.StatusCode.OK
        self._metrics.active.labels(method).inc()
        try:
            yield call
        except CallError as raised:
            error = raised
        except asyncio.CancelledError:  # the client went away, or the server's grace period is over
            code = grpc.StatusCode.CANCELLED
            raise
        except Exception:  # the border of a call: the client gets an id, the log gets the rest
            _log.exception("%s failed, request id %s", method, call.request_id)
            error = status.internal(call.request_id)
        finally:
            seconds = time.monotonic() - begin
            code = status.status_code(error) if error else code
            # After the answer has been handed to gRPC: the client need not wait for our books.
            asyncio.get_running_loop().call_soon(self._record, call, code, error, seconds, context.peer())
        if error:
            await context.abort(code, error.message, status.trailing_metadata(error))

    async def refuse(self, method: str, context: Any, error: CallError) -> None:
        """Ends a call that was not let in; the full name of its method is given."""
        async with self.observe(method.rpartition("/")[2], context):
            raise error

    def _record(self, call: Call, code: grpc.StatusCode, error: CallError | None, seconds: float, peer: str) -> None:
        self._metrics.active.labels(call.method).dec()
        self._metrics.calls.labels(call.method, call.model, code.name).inc()
        self._metrics.call_seconds.labels(call.method).observe(seconds)
        if call.audio_seconds:
            self._metrics.audio_seconds.labels(call.method, call.model).inc(call.audio_seconds)
        if call.texts:
            self._metrics.texts.labels(call.method, call.model).inc(call.texts)
            self._metrics.text_bytes.labels(call.method, call.model).inc(call.text_bytes)
        log_call(
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            request_id=call.request_id,
            method=call.method,
            model=call.model,
            language_code=call.language_code,
            code=code.name,
            message=error.message if error else "",
            remedy=error.remedy if error else "",
            audio_seconds=round(call.audio_seconds, 3),
            texts=call.texts or None,
            text_bytes=call.text_bytes or None,
            responses=call.responses,
            seconds=round(seconds, 4),
            peer=peer,
            notes="; ".join(call.notes),
        )
