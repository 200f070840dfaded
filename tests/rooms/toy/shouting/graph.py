"""From an RMIR to one Triton model."""

from pathlib import Path

from pipelines.archive.archive import Archive
from pipelines.triton.model_config import set_parameters
from pipelines.triton.repository import TritonModel
from shouting.options import ShoutingOptions

__all__ = ["triton_models"]


def triton_models(rmir: Archive, options: ShoutingOptions, *, work: Path, target: str) -> list[TritonModel]:
    """The pipeline, which needs no network."""
    from tritonclient.grpc import model_config_pb2 as pb

    config = pb.ModelConfig(
        name=options.name,
        backend="python",
        input=[pb.ModelInput(name="TEXT", data_type=pb.TYPE_STRING, dims=[-1])],
        output=[pb.ModelOutput(name="RESULT", data_type=pb.TYPE_STRING, dims=[-1])],
        instance_group=[pb.ModelInstanceGroup(count=1, kind=pb.ModelInstanceGroup.KIND_CPU)],
    )
    set_parameters(
        config,
        {"service": "nlp", "pipeline": "shouting", "language_code": options.language_code, "mark": options.mark},
    )
    return [TritonModel(config=config, files={"model.py": Path(__file__).parent / "models" / "pipeline.py"})]
