"""Which services there are, and who answers for them.

A service without a room yet, or one that was not enabled, answers UNIMPLEMENTED by name instead of leaving the caller
to guess.
"""

import importlib
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from pipelines.contract import Rpc
from pipelines.registry import rooms
from pipelines.server.admission import StreamSlots
from pipelines.server.calls import Calls
from pipelines.server.errors import UnavailableModel
from pipelines.server.metrics import Metrics
from pipelines.server.models import Models
from pipelines.server.options import ServerOptions
from pipelines.server.triton import Triton

__all__ = ["FULL_NAMES", "OFFLINE_METHODS", "TEXT_METHODS", "ServiceParts", "register"]

_log = logging.getLogger(__name__)

# What the flags and the models' parameters call a service -> its full gRPC name.
FULL_NAMES = {
    "asr": "nvidia.riva.asr.RivaSpeechRecognition",
    "nlp": "nvidia.riva.nlp.RivaLanguageUnderstanding",
    "tts": "nvidia.riva.tts.RivaSpeechSynthesis",
    "nmt": "nvidia.riva.nmt.RivaTranslation",
}
# Methods whose request is a whole recording.
OFFLINE_METHODS = frozenset({f"/{FULL_NAMES['asr']}/Recognize"})
# Methods whose request is texts.
TEXT_METHODS = frozenset(f"/{FULL_NAMES['nlp']}/{method}" for method in ("PunctuateText", "TransformText"))
_LISTINGS = {"asr": "GetRivaSpeechRecognitionConfig", "nlp": "GetRivaNLPConfig", "tts": "GetRivaSynthesisConfig"}
_ABSENT = "is not in the open runtime yet"


@dataclass(frozen=True)
class ServiceParts:
    """What a room's handlers are made of."""

    triton: Triton
    models: Models
    calls: Calls
    metrics: Metrics
    slots: StreamSlots
    options: ServerOptions


class _NotHere(grpc.GenericRpcHandler):  # type: ignore[type-arg]
    """Answers for Riva's services that are not served."""

    def __init__(self, *, served: Collection[str], roomy: Collection[str]) -> None:
        self._why = {
            full_name: "is switched off on this server" if service in roomy else _ABSENT
            for service, full_name in FULL_NAMES.items()
            if service not in served
        }

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        name = details.method.split("/")[1] if details.method.count("/") == 2 else ""
        if name not in self._why:
            return None

        return grpc.stream_stream_rpc_method_handler(_refusal(f"Error: {name} {self._why[name]}"))


def register(parts: ServiceParts, server: grpc.aio.Server) -> list[str]:
    """Adds the enabled services to a server; returns those that have a room, by their short name."""
    roomy = {pipeline.service for pipeline in rooms()}
    served = [service for service in parts.options.services if service in roomy]
    for service in set(parts.options.services) - set(served):
        _log.warning("%s is not in the open runtime yet: its calls answer UNIMPLEMENTED", FULL_NAMES[service])
    for service in served:
        _add(service, parts, server)
    server.add_generic_rpc_handlers((_NotHere(served=served, roomy=roomy),))
    return served


def _add(service: str, parts: ServiceParts, server: grpc.aio.Server) -> None:
    """Adds a service, each of whose methods is answered by the room that has it, or refused by name."""
    messages, stubs = (
        importlib.import_module(f"riva.client.proto.riva_{service}_{kind}") for kind in ("pb2", "pb2_grpc")
    )
    name = FULL_NAMES[service].rpartition(".")[-1]
    methods = [method.name for method in messages.DESCRIPTOR.services_by_name[name].methods]
    answering: dict[str, Rpc] = {
        method: _refusal(f"Error: {FULL_NAMES[service]}/{method} {_ABSENT}") for method in methods
    }
    if listing := _LISTINGS.get(service):
        response = getattr(messages, f"{listing.removeprefix('Get')}Response")
        answering[listing] = _Listing(service, listing, response, parts).answer
    for pipeline in rooms():
        if pipeline.service == service:
            answering |= pipeline.handler().rpcs(parts)
    servicer = getattr(stubs, f"{name}Servicer")()
    for method, rpc in answering.items():
        setattr(servicer, method, rpc)
    getattr(stubs, f"add_{name}Servicer_to_server")(servicer, server)


def _refusal(why: str) -> Rpc:
    async def refuse(_: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, why)

    return refuse


class _Listing:
    """Answers which pipelines of a service there are; every service's own method for it has the same form."""

    def __init__(self, service: str, method: str, response: Callable[[], Any], parts: ServiceParts) -> None:
        self._service, self._method, self._response, self._parts = service, method, response, parts

    async def answer(self, request: Any, context: Any) -> Any:
        """The parameters of every pipeline, or of one."""
        async with self._parts.calls.observe(self._method, context) as call:
            models = self._parts.models.of_service(self._service)
            chosen = [model for model in models if request.model_name in ("", model.name)]
            if request.model_name and not chosen:
                raise UnavailableModel({"model": request.model_name}, [str(model) for model in models])
            call.responses = 1
            response = self._response()
            for model in chosen:
                response.model_config.add(model_name=model.name, parameters=dict(model.parameters))
            return response
