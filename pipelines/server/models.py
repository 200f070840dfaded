"""The pipelines that Triton serves, as the server knows them: a name and parameters, nothing from the disk."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Model", "Models"]


@dataclass(frozen=True)
class Model:
    """One pipeline that clients can ask for.

    Attributes:
        name: The Triton model name, which is also what clients pass as `model`.
        parameters: The `parameters` of the Triton configuration: every riva-build option as a string, and `service`,
            `type`, ...
        batched: Whether tensors carry a batch dimension (`max_batch_size` above zero).
    """

    name: str
    parameters: Mapping[str, str]
    batched: bool = True

    @classmethod
    def from_config(cls, config: Any) -> "Model":
        """Reads a Triton `ModelConfig` message."""
        parameters = {key: value.string_value for key, value in config.parameters.items()}
        return cls(config.name, parameters, config.max_batch_size > 0)

    @property
    def service(self) -> str:
        """Which service the model answers for, such as `asr`; empty for models that clients do not see."""
        return self.parameters.get("service", "")

    @property
    def pipeline(self) -> str:
        """The pipeline of riva-build that it was built as, such as `punctuation`."""
        return self.parameters.get("pipeline", "")

    @property
    def kind(self) -> str:
        """`online` or `offline`."""
        return self.parameters.get("type", "")

    @property
    def language_codes(self) -> tuple[str, ...]:
        """BCP-47 codes; multilingual models list several, separated by commas."""
        return tuple(code.strip() for code in self.parameters.get("language_code", "").split(",") if code.strip())

    @property
    def sample_rate(self) -> int:
        """Hz of the audio that the pipeline takes."""
        return int(self.parameters.get("sample_rate", "16000"))

    @property
    def chunk_size(self) -> float:
        """Seconds of audio for each step of the acoustic model."""
        return float(self.parameters.get("chunk_size", "0.16"))

    @property
    def max_streams(self) -> int:
        """Streams that the pipeline holds at once; 0 where the configuration does not say."""
        return int(self.parameters.get("max_streams", "0"))

    @property
    def long_text(self) -> int:
        """Bytes of text in a call from which on `long_text_model` answers it."""
        return int(self.parameters.get("long_text", "0"))

    @property
    def long_text_model(self) -> str:
        """The model for calls with much text, which would keep others waiting; itself where there is none."""
        return self.parameters.get("long_text_model", self.name)

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(filter(None, (','.join(self.language_codes), self.kind)))})"


@dataclass
class Models:
    """What is deployed and whether it can be called; kept up to date by `monitor.Monitor`."""

    _ready: dict[str, Model] = field(default_factory=dict)
    _unready: frozenset[str] = frozenset()
    _reachable: bool = False

    def update(self, *, ready: Iterable[Model], unready: Iterable[str]) -> None:
        """Replaces what is known by what Triton reports."""
        self._ready = {model.name: model for model in sorted(ready, key=lambda model: model.name)}
        self._unready = frozenset(unready)
        self._reachable = True

    def lost(self) -> None:
        """Triton does not answer; which models it has is still remembered, so that calls fail for the true reason."""
        self._reachable = False

    def of_service(self, service: str) -> list[Model]:
        """The models of a service, by name."""
        return [model for model in self._ready.values() if model.service == service]

    def of_pipeline(self, pipeline: str) -> list[Model]:
        """The models that were built as one of riva-build's pipelines, by name."""
        return [model for model in self._ready.values() if model.pipeline == pipeline]

    @property
    def settled(self) -> bool:
        """Whether Triton answers and no model is loading or out of order."""
        return self._reachable and not self._unready

    def serving(self, service: str) -> bool:
        """Whether a service can be called: it has a model, and no model of the repository is out of order.

        An empty repository does not serve, though all of its zero models are ready.
        """
        return self.settled and bool(self.of_service(service))
