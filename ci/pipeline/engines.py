"""What runs each network of a deployed model repository: said in every lane, and enforced where a GPU is to do it.

Riva calls the model of a network `riva-<engine>-<name>`. A deployment that found no GPU ends well too, on the CPU; the
configuration it wrote for Triton is what tells.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci.errors import WrongEngine
from ci.targets import CPU
from pipelines.triton.model_config import CONFIG_FILE, read_config

if TYPE_CHECKING:
    from tritonclient.grpc.model_config_pb2 import ModelConfig

__all__ = ["Network", "check_engines", "networks_of"]

_TENSORRT = ("tensorrt", "tensorrt_plan")


@dataclass(frozen=True)
class Network:
    """The model of a network.

    Attributes:
        model: Its name.
        engine: Triton's name of what runs it: a backend or, in older configurations, a platform.
        on_cpu: Whether it is told to run on the CPU.
    """

    model: str
    engine: str
    on_cpu: bool

    @property
    def needs_gpu(self) -> bool:
        """Whether it runs on nothing but a GPU: then one was there when it was built."""
        return self.engine in _TENSORRT

    def __str__(self) -> str:
        return f"{self.model}: {self.engine} on the {'CPU' if self.on_cpu else 'GPU'}"


def networks_of(repository: Path) -> list[Network]:
    """The networks of a model repository.

    Raises:
        NotARepository: A configuration does not parse.
    """
    configs = map(read_config, sorted(repository.glob(f"*/{CONFIG_FILE}")))
    return [_network(config) for config in configs if config.name.startswith("riva-") and _is_network(config)]


def check_engines(repository: Path, *, target: str) -> list[Network]:
    """The networks of a model repository, which must run where the target says.

    Args:
        repository: What riva-deploy wrote.
        target: A target of ci/targets.yaml; all but `cpu` are to use their GPU.

    Raises:
        WrongEngine: A network of a GPU target is told to run on the CPU, or none needs a GPU.
        NotARepository: A configuration does not parse.
    """
    networks = networks_of(repository)
    slow = [network for network in networks if network.on_cpu]
    if target != CPU and (slow or not any(network.needs_gpu for network in networks)):
        found = "; ".join(map(str, slow or networks)) or "no network at all"
        raise WrongEngine(
            f"{target} is to run networks on its GPU, but {repository} has {found}",
            why="riva-deploy found no GPU, or this runtime builds engines for the CPU only",
            fix=f"nox -s doctor -- --target {target} says what is wrong with the machine",
        )
    return networks


def _is_network(config: "ModelConfig") -> bool:
    """Pipelines may be called `riva-...` too; theirs are ensembles and backends of Riva's own."""
    kind = config.name.split("-")[1]
    return kind in ("trt", "onnx", "pytorch")


def _network(config: "ModelConfig") -> Network:
    engine = config.backend or config.platform
    if engine == "python":
        engine = "ONNX Runtime"  # what the Python backend of this repository runs (pipelines/triton/engine.py)
    on_cpu = any(group.kind == group.KIND_CPU for group in config.instance_group)
    return Network(config.name, engine, on_cpu)
