"""The server under judgement: a gRPC address, the stubs for it, and what it says about itself.

Only NVIDIA's message and stub modules are used, never its client classes: a client may hide what a server does wrong.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import grpc
from grpc_health.v1 import health_pb2_grpc
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc, riva_nlp_pb2, riva_nlp_pb2_grpc

from ci.errors import ServerUnreachable
from pipelines.errors import MissingInput

__all__ = ["MODES", "Connection", "Listing", "Model", "Tls"]

#: What models do, by the service that lists them. The server says `type=online` of a streaming one.
MODES: Mapping[str, tuple[str, ...]] = MappingProxyType({"asr": ("offline", "streaming"), "nlp": ("punctuation",)})

#: The longest wait for a connection: the port answers once the models are loaded, which the caller has waited for.
CONNECT_SECONDS = 10.0
#: Long enough for every answer that is not audio.
CALL_SECONDS = 20.0
#: One hour of 16-bit audio at 16 kHz is 115 MB; the default of 4 MB would be a limit of this client, not of the server.
MESSAGE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Tls:
    """Files of a TLS connection: PEM certificates and key; without `root_cert` the system's roots are trusted."""

    root_cert: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Reads the files.

        Raises:
            MissingInput: One cannot be read.
        """
        return grpc.ssl_channel_credentials(*map(_read, (self.root_cert, self.client_key, self.client_cert)))


def _read(path: Path | None) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        raise MissingInput(f"cannot read {path}: {error.strerror}", fix="check the --ssl options") from error


@dataclass(frozen=True)
class Model:
    """A pipeline that the server lists; `service` is the one that listed it, `asr` or `nlp`."""

    name: str
    parameters: Mapping[str, str]
    service: str = "asr"

    @property
    def mode(self) -> str:
        """What it does: one of `MODES`, or `unknown`."""
        if self.service == "nlp":
            told = self.parameters.get("pipeline", "punctuation" if "punctuation" in self.name else "")
            return told if told in MODES["nlp"] else "unknown"
        return {"offline": "offline", "online": "streaming"}.get(self.parameters.get("type", ""), "unknown")

    @property
    def languages(self) -> tuple[str, ...]:
        """Newer multilingual models list several codes, separated by commas."""
        return tuple(code.strip() for code in self.parameters.get("language_code", "").split(",") if code.strip())

    def number(self, name: str) -> float | None:
        """A parameter as a number, None if it is missing or none."""
        try:
            return float(self.parameters[name])
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True)
class Listing:
    """What `GetRivaSpeechRecognitionConfig` or `GetRivaNLPConfig` says, or both."""

    models: tuple[Model, ...] = ()

    @classmethod
    def parse(cls, response: Any, service: str) -> "Listing":
        return cls(tuple(Model(model.model_name, dict(model.parameters), service) for model in response.model_config))

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """(language, mode) of everything listed."""
        return frozenset((language, model.mode) for model in self.models for language in model.languages)

    def model(self, language: str, mode: str) -> Model | None:
        """The first model for a language and mode."""
        found = (model for model in self.models if model.mode == mode and language in model.languages)
        return next(found, None)


class Connection:
    """A channel and its stubs. Use as a context manager; entering waits until the server answers.

    Raises:
        ServerUnreachable: On entering, if nothing answers within `wait` seconds.
    """

    def __init__(self, uri: str, tls: Tls | None = None, *, wait: float = CONNECT_SECONDS) -> None:
        self.uri, self._tls, self._wait = uri, tls, wait

    def __enter__(self) -> "Connection":
        options = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]
        if self._tls is None:
            self._channel = grpc.insecure_channel(self.uri, options=options)
        else:
            self._channel = grpc.secure_channel(self.uri, self._tls.credentials(), options=options)
        self.speech = riva_asr_pb2_grpc.RivaSpeechRecognitionStub(self._channel)
        self.language = riva_nlp_pb2_grpc.RivaLanguageUnderstandingStub(self._channel)
        self.health = health_pb2_grpc.HealthStub(self._channel)
        try:
            grpc.channel_ready_future(self._channel).result(self._wait)
        except grpc.FutureTimeoutError:
            self._channel.close()
            raise ServerUnreachable(
                f"no gRPC server answers at {self.uri} within {self._wait:g} s",
                why="it is not running, still loads its models, listens elsewhere, or "
                + ("expects TLS" if self._tls is None else "does not speak TLS or has another certificate"),
                fix="wait for its listening line, then check --uri and the --ssl options",
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def listing(self) -> Listing:
        """The models, but for those of a service that refuses to tell (a case of its configuration judges that)."""
        asked = {
            "asr": (self.speech.GetRivaSpeechRecognitionConfig, riva_asr_pb2.RivaSpeechRecognitionConfigRequest()),
            "nlp": (self.language.GetRivaNLPConfig, riva_nlp_pb2.RivaNLPConfigRequest()),
        }
        models: tuple[Model, ...] = ()
        for service, (call, request) in asked.items():
            with suppress(grpc.RpcError):
                models += Listing.parse(call(request, timeout=CALL_SECONDS), service).models
        return Listing(models)
