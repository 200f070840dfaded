"""What is asked of a sandbox, and what the kernel granted."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["LAYERS", "Isolation", "Sandbox"]

LAYERS = ("namespaces", "memory", "privileges", "files", "system calls")
"""What a sandbox is made of, each of use without the others; in the order in which they are put on."""


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """What a process is given.

    Args:
        work: The only folder that it may change; its home and its temporary folder are in there.
        memory_limit: Bytes of memory that each of its processes may have, or None for as much as there is.
        whole_address_space: Whether the limit also counts memory that is only reserved. CUDA reserves more than any
            machine has, so a process that may use a GPU is limited in what it writes to, but not in what it shares.
        layers: The layers to put on; tests leave some out to prove that the others hold by themselves.
    """

    work: Path
    memory_limit: int | None = None
    whole_address_space: bool = True
    layers: tuple[str, ...] = LAYERS

    def to_json(self) -> str:
        """Returns it as an argument of the process."""
        return json.dumps({**asdict(self), "work": str(self.work)})

    @classmethod
    def from_json(cls, text: str) -> "Sandbox":
        """Reads what `to_json` returned."""
        values = json.loads(text)
        return cls(**{**values, "work": Path(values["work"]), "layers": tuple(values["layers"])})


@dataclass(frozen=True, kw_only=True)
class Isolation:
    """What holds for a process, as it found out before anything of the checkpoint was read.

    Args:
        network: Whether it could not open a connection to this machine's loopback address, which it tried.
        layers: The layers that are on.
        missing: Why the others are not, one sentence each.
    """

    network: bool
    layers: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def facts(self) -> dict[str, Any]:
        """What a manifest says of it."""
        return {
            "network": "closed" if self.network else "open",
            "layers": list(self.layers),
            "missing": list(self.missing),
        }

    @property
    def notes(self) -> list[str]:
        """What a person should know, one sentence each: nothing where every layer holds."""
        gaps = [f"the sandbox of the export has no {sentence}" for sentence in self.missing]
        return gaps if self.network else ["the export ran with network: this machine lets nobody close it", *gaps]

    def __str__(self) -> str:
        return f"Sandbox: network {'closed' if self.network else 'OPEN'}; {', '.join(self.layers) or 'nothing'}"

    def to_json(self) -> str:
        """Returns it as the process tells it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Isolation":
        """Reads what `to_json` returned."""
        values = json.loads(text)
        return cls(network=values["network"], layers=tuple(values["layers"]), missing=tuple(values["missing"]))
