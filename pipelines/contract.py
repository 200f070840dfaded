"""What a pipeline's room offers to the stages and to the server.

A room is a package with the furniture of every other room, so that who knows one knows all:

    __init__.py    exports `PIPELINE`, and nothing else
    options.py     its riva-build options;  settling.py  fills in those that depend on others, and checks them
    checkpoint.py  which NeMo classes it accepts and what they must hold        `CheckpointModule`
    architecture.py  what a model of its kind is, served or not                 `ArchitectureModule`
    network.py     their networks in torch, for the processes of the export     `NetworkModule`
    graph.py       RMIR -> Triton models                                        `GraphModule`
    handler.py     its RPCs                                                     `HandlerModule`
    cases/         its conformance cases

Everybody reads `PIPELINE`, so what it holds is light. The modules with heavy imports are loaded by those who need them.
"""

import importlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from pipelines.archive.schema import Schema

if TYPE_CHECKING:
    from pipelines.archive.archive import Archive
    from pipelines.archive.nemo import NemoCheckpoint
    from pipelines.export.job import ExportedGraph, ExportJob, Reference
    from pipelines.server.services import ServiceParts
    from pipelines.triton.repository import TritonModel
    from pipelines.verdict.facts import Architecture

__all__ = [
    "ArchitectureModule",
    "CheckpointModule",
    "GraphModule",
    "HandlerModule",
    "Lack",
    "NetworkModule",
    "Pipeline",
    "Rpc",
    "Unsupported",
]

Options = TypeVar("Options")

Rpc = Callable[[Any, Any], Awaitable[Any]]
"""Takes a request, or for a stream what iterates over them, and the context of grpc.aio; returns the response."""


@dataclass(frozen=True)
class Unsupported:
    """Why a class cannot be exported, and what its owner can do."""

    what: str
    fix: str


@dataclass(frozen=True)
class Lack:
    """What a checkpoint lacks: the rule of the verdict, and the parts of a message."""

    rule: str
    what: str
    why: str = ""
    fix: str = ""


class CheckpointModule(Protocol):
    """`checkpoint.py` of a room. It reads configurations and executes nothing."""

    @property
    def SUPPORTED_CLASSES(self) -> Mapping[str, str]:
        """The classes as Riva's schemas spell them (`obj_cls`), each with the file of its schema in `schemas/`."""

    def why_unsupported(self, obj_cls: str) -> Unsupported | None:
        """Says why a class is refused, if it is of this room's kind; None if another room may know."""

    def lacks(self, checkpoint: "NemoCheckpoint") -> Iterator[Lack]:
        """Yields what a checkpoint of a supported class lacks, or has and should not."""

    def patch_config(self, config: Mapping[str, Any]) -> dict[str, Any] | None:
        """The configuration as the `.riva` must hold it, or None where it is right already."""

    def config_for_nemo(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration that the network is restored from: without training data and the maker's paths."""


class ArchitectureModule(Protocol):
    """`architecture.py` of a room. It reads configurations, whose values may be of any type, and executes nothing."""

    def describe(
        self, obj_cls: str, config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]
    ) -> "Architecture | None":
        """Says what a model is, whether its class is served or not; None if it is not of this room's kind.

        Args:
            obj_cls: Its class as Riva's schemas spell it.
            config: Its configuration.
            shapes: Shapes of its weights by name; none if they cannot be read.
        """


class NetworkModule(Protocol):
    """`network.py` of a room. It imports torch, so only the processes of an export import it."""

    def restore(self, job: "ExportJob") -> Any:
        """The network as a torch module on the CPU, with the weights of `job.checkpoint`."""

    def export(self, model: Any, job: "ExportJob", *, device: str, notes: list[str]) -> "ExportedGraph":
        """Writes `job.graph`.

        Args:
            model: What `restore` returned, in evaluation, on the device.
            job: What is to be done.
            device: `cpu`, `cuda` or `cuda:N`.
            notes: Takes a sentence for each thing that is done otherwise than was asked.
        """

    def references(self, model: Any, job: "ExportJob") -> "Iterator[Reference]":
        """Yields what the model computes: five items or so of unequal length, but for the first two, which are equal.

        The model is one of its own that was never exported, in evaluation, on the CPU.
        """


class GraphModule(Protocol):
    """`graph.py` of a room."""

    def triton_models(self, rmir: "Archive", options: Any, *, work: Path, target: str) -> "list[TritonModel]":
        """The Triton models of an RMIR.

        Args:
            rmir: The RMIR.
            options: Its settled options.
            work: A folder for the parts that the models are made of; it lives until they are written.
            target: What engines are built for.
        """


class HandlerModule(Protocol):
    """`handler.py` of a room. Only the API server imports it."""

    def rpcs(self, parts: "ServiceParts") -> Mapping[str, Rpc]:
        """What answers for each of its RPCs, by the names of the service's methods."""


@dataclass(frozen=True, kw_only=True)
class Pipeline(Generic[Options]):
    """One of the pipelines of `riva-build`, with its room.

    Args:
        name: Its name on the command line.
        package: The room.
        serves: What it is for, in one line.
        service: The service that its RPCs belong to, as the flags of start-riva abbreviate it: asr, nlp, tts, nmt.
        options: The dataclass that declares its options.
        components: Title in help of each component of the options.
        modes: What can be built from one checkpoint, each with the options of riva-build that make it; a pipeline with
            nothing to choose from has one, called like itself.
        limits: The error rates that its conformance cases measure, as a `pipeline.yaml` names them under `accuracy`.
        settle: Fills in options that depend on others or on the model, and checks them all; takes the options as typed,
            the names of those that were typed, and the manifests of the `.riva` archives. Raises `UsageError`.
        checkpoint: The room's `checkpoint.py`.
    """

    name: str
    package: str
    serves: str
    service: str
    options: type[Options]
    components: Mapping[str, str]
    modes: Mapping[str, Mapping[str, bool]]
    limits: tuple[str, ...]
    settle: Callable[[Options, Collection[str], Sequence[Mapping[str, Any]]], Options]
    checkpoint: CheckpointModule

    @property
    def classes(self) -> tuple[str, ...]:
        """The `obj_cls` of the checkpoints that it accepts, and of the `.riva` archives that it builds from."""
        return tuple(self.checkpoint.SUPPORTED_CLASSES)

    @property
    def folder(self) -> Path:
        """Where the room is."""
        file = importlib.import_module(self.package).__file__
        assert file is not None
        return Path(file).parent

    @property
    def cases(self) -> Path:
        """The folder of its conformance cases."""
        return self.folder / "cases"

    def schema_of(self, obj_cls: str) -> Schema:
        """What the `.riva` of a class must hold, and how it is exported."""
        return Schema.load(self.folder / "schemas" / self.checkpoint.SUPPORTED_CLASSES[obj_cls])

    def architecture(self) -> ArchitectureModule:
        """The room's `architecture.py`."""
        return cast(ArchitectureModule, self._module("architecture"))

    def network(self) -> NetworkModule:
        """The room's `network.py`."""
        return cast(NetworkModule, self._module("network"))

    def graph(self) -> GraphModule:
        """The room's `graph.py`."""
        return cast(GraphModule, self._module("graph"))

    def handler(self) -> HandlerModule:
        """The room's `handler.py`."""
        return cast(HandlerModule, self._module("handler"))

    def _module(self, name: str) -> Any:
        return importlib.import_module(f"{self.package}.{name}")
