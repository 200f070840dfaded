"""A network's own model: its tensors are those of the engine's graph, so that any backend that knows the graph fits.

Pipelines call it from within Triton (business logic scripting); clients do not see it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.triton.engine import Engine
from pipelines.triton.model_config import set_parameters
from pipelines.triton.repository import TritonModel

if TYPE_CHECKING:
    from tritonclient.grpc.model_config_pb2 import ModelConfig

__all__ = ["network_model"]

_MODEL = Path(__file__).parent / "models" / "network.py"
# By protobuf number, so that importing this module does not import tritonclient: inference.DataType of
# model_config.proto.
_TYPES = {"float32": 11, "int64": 9, "int32": 8, "float16": 10}


def network_model(
    engine: Engine, *, suffix: str, max_batch_size: int, gathering: int, spread: bool, together: bool
) -> TritonModel:
    """Makes the model of a network, named `riva-<engine>-<suffix>` as Riva names it.

    Args:
        engine: What runs the network, with its inputs and outputs.
        suffix: The end of the model's name.
        max_batch_size: Items that one call may bring.
        gathering: Microseconds that a call may wait for others.
        spread: Whether an item that is alone is computed by all processor cores, sooner and at a higher cost.
        together: Whether calls that were gathered are answered together, instead of each as soon as it can be; for
            networks that may take less than a millisecond (`models/network.py` says why).
    """
    config = _config(engine, name=f"riva-{engine.kind}-{suffix}", max_batch_size=max_batch_size)
    config.dynamic_batching.max_queue_delay_microseconds = gathering
    set_parameters(config, {"service": "network", "threads": 0, "spread": spread, "together": together})
    files: dict[str, bytes | Path] = dict(engine.files)
    if engine.backend == "python":
        files["model.py"] = _MODEL
    return TritonModel(config=config, files=files)


def _config(engine: Engine, *, name: str, max_batch_size: int) -> "ModelConfig":
    from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInput, ModelInstanceGroup, ModelOutput

    config = ModelConfig(
        name=name,
        backend=engine.backend,
        max_batch_size=max_batch_size,
        instance_group=[ModelInstanceGroup(count=1, kind=ModelInstanceGroup.KIND_CPU)],
    )
    for tensor in engine.inputs:
        declared = ModelInput(name=tensor.name, data_type=_TYPES[tensor.dtype], dims=tensor.shape[1:] or [1])
        if len(tensor.shape) == 1:
            declared.reshape.SetInParent()  # one number an item: the graph has no second dimension
        elif engine.backend == "python":
            declared.allow_ragged_batch = True  # calls with items of different length run side by side, never padded
        config.input.append(declared)
    for tensor in engine.outputs:
        config.output.append(ModelOutput(name=tensor.name, data_type=_TYPES[tensor.dtype], dims=tensor.shape[1:]))
    return config
