"""Writes model repositories with counting pipelines in them."""

import shutil
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as triton

HERE = Path(__file__).parent


def parameters(kind: str, **more: str) -> dict[str, str]:
    """What riva-deploy writes into the configuration of a pipeline, as far as the server reads it."""
    return {
        "service": "asr",
        "pipeline": "speech_recognition",
        "type": kind,
        "language_code": "en-US",
        "sample_rate": "16000",
        "chunk_size": "0.16",
        "streaming": str(kind == "online"),
        "offline": str(kind == "offline"),
        "decoder_type": "greedy",
        "max_streams": "32",
        **more,
    }


def model_config(name: str, kind: str, **more: str) -> triton.ModelConfig:
    """The configuration of a counting pipeline."""
    config = triton.ModelConfig(name=name, backend="python", max_batch_size=32)
    config.input.add(name="AUDIO_SIGNAL", data_type=triton.TYPE_FP32, dims=[-1], allow_ragged_batch=True)
    config.input.add(name="CONFIG", data_type=triton.TYPE_STRING, dims=[1], optional=True)
    config.output.add(name="RESULT", data_type=triton.TYPE_STRING, dims=[1])
    batching = config.sequence_batching
    batching.max_sequence_idle_microseconds = 120_000_000
    batching.oldest.max_candidate_sequences = 32
    kinds = triton.ModelSequenceBatching.Control
    for control, number in (("START", kinds.CONTROL_SEQUENCE_START), ("END", kinds.CONTROL_SEQUENCE_END)):
        batching.control_input.add(name=control).control.add(kind=number, int32_false_true=[0, 1])
    batching.control_input.add(name="CORRID").control.add(
        kind=kinds.CONTROL_SEQUENCE_CORRID, data_type=triton.TYPE_UINT64
    )
    config.instance_group.add(kind=triton.ModelInstanceGroup.KIND_CPU, count=1)
    for key, value in parameters(kind, **more).items():
        config.parameters[key].string_value = value
    return config


def punctuator_config(name: str, language_code: str = "en-US", **more: str) -> triton.ModelConfig:
    """The configuration of a punctuation pipeline, as far as the server reads it."""
    config = triton.ModelConfig(name=name, backend="python", max_batch_size=64)
    known = {"service": "nlp", "pipeline": "punctuation", "language_code": language_code, "long_text": "4096"}
    for key, value in {**known, "long_text_model": f"{name}-long", **more}.items():
        config.parameters[key].string_value = value
    return config


def write_model(repository: Path, config: triton.ModelConfig) -> None:
    """Adds one counting pipeline to a model repository."""
    version = repository / config.name / "1"
    version.mkdir(parents=True)
    (version.parent / "config.pbtxt").write_text(text_format.MessageToString(config))
    for name in ("model.py", "pipeline.py"):
        shutil.copy(HERE / name, version / name)
