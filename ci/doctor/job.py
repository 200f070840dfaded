"""What a machine is asked to be: the Riva version and target of a job, how its stages run, and the runner's labels."""

from dataclasses import dataclass

from pipelines.compatibility import Cell, Platform, RivaVersion
from pipelines.verdict.compatibility import CPU, JETSON

__all__ = ["Job"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job that the machine is to run.

    Args:
        riva: The Riva version.
        target: `cpu`, `x86-gpu` or `jetson`.
        runtime: `local`, in the environments of this repository, or `container`.
        image_prefix: What stands before the names of this repository's images; empty for NVIDIA's.
        labels: Labels of the runner; empty if they are not to be compared.
        online: Whether the doctor may ask NGC.
    """

    riva: RivaVersion
    target: str
    runtime: str
    image_prefix: str = ""
    labels: tuple[str, ...] = ()
    online: bool = True

    @property
    def platform(self) -> Platform | None:
        """The column of the compatibility table; None for `cpu`, for which NVIDIA publishes nothing."""
        return self.riva.platforms.get(self.target)

    @property
    def gpu(self) -> bool:
        """Whether it computes on a GPU."""
        return self.target != CPU

    @property
    def jetson(self) -> bool:
        """Whether it runs on a Jetson."""
        return self.target == JETSON

    @property
    def containers(self) -> bool:
        """Whether its stages run in containers."""
        return self.runtime == "container"

    def image_cells(self, architecture: str) -> tuple[Cell, ...]:
        """The table's cells of the images that it runs, tools first; on a CPU those of its architecture."""
        if not self.containers:
            return ()
        platform = self.platform or self.riva.platforms["jetson" if architecture == "aarch64" else "x86-gpu"]
        return platform.servicemaker, platform.server

    def images(self, architecture: str) -> tuple[str, ...]:
        """The images by name, each once."""
        named = (cell.image(self.image_prefix) for cell in self.image_cells(architecture) if cell.value is not None)
        return tuple(dict.fromkeys(named))
