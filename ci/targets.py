"""What models are built for, and on which runners: targets.yaml, the one file about that."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ci.checked_yaml import load_checked

__all__ = ["CPU", "TARGETS", "Target", "Targets"]

CPU = "cpu"
TARGETS = Path(__file__).with_suffix(".yaml")
_SCHEMA = TARGETS.with_name("targets.schema.yaml")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A kind of machine that models are built for.

    Attributes:
        name: As in a checkpoint's `targets` and in the compatibility table.
        runs_on: Labels of its runners.
        runtime: `local` or `container`.
        group: Its runner group; empty if any will do.
        image_prefix: Where its images are; empty for NVIDIA's registry.
        export_image: What exports for NVIDIA's images; empty for this repository's own export.
        enabled: Whether such a runner is there.
        needs_secret: The secret without which it cannot be used; empty if it needs none.
    """

    name: str
    runs_on: tuple[str, ...]
    runtime: str
    group: str = ""
    image_prefix: str = ""
    export_image: str = ""
    enabled: bool = True
    needs_secret: str = ""

    @property
    def is_self_hosted(self) -> bool:
        """Whether a machine of the team's own may take its jobs: any label that is not one of GitHub's names one."""
        return bool(self.group) or not all(label.startswith("ubuntu-") for label in self.runs_on)

    @property
    def runs_on_as_json(self) -> list[str] | dict[str, Any]:
        """The value of `runs-on` in a workflow."""
        return {"group": self.group, "labels": list(self.runs_on)} if self.group else list(self.runs_on)


@dataclass(frozen=True)
class Targets:
    """The targets of this repository.

    Attributes:
        riva_version: What container targets run.
        by_name: Each target.
    """

    riva_version: str
    by_name: Mapping[str, Target]

    @classmethod
    def read(cls, path: Path = TARGETS) -> "Targets":
        """Reads targets.yaml.

        Raises:
            BadYaml: The file cannot be read or breaks its schema.
        """
        data = load_checked(path, schema=_SCHEMA)
        targets = {
            name: Target(name=name, **{**entry, "runs_on": tuple(entry["runs_on"])})
            for name, entry in data["targets"].items()
        }
        return cls(data["riva_version"], MappingProxyType(targets))
