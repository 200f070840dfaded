"""The networks of speech recognition in NeMo: restored, exported by NeMo itself, and run on known utterances.

Imported in the processes of an export only.
"""

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nemo.collections.asr.models as models
import numpy.typing as npt
import torch
import yaml
from nemo.core.connectors.save_restore_connector import SaveRestoreConnector
from nemo.utils import logging

from pipelines.archive.nemo import CONFIG
from pipelines.errors import UsageError
from pipelines.export.job import ExportedGraph, ExportJob, Reference
from pipelines.export.restore import restoring, translating
from pipelines.speech_recognition.checkpoint import receptive_field
from pipelines.speech_recognition.utterances import utterances

__all__ = ["export", "references", "restore"]


def restore(job: ExportJob) -> Any:
    """The model, on the CPU.

    Raises:
        BrokenCheckpoint: The weights hold more than tensors.
        ExportFailed: NeMo cannot restore the model.
    """
    logging.setLevel(job.log_level)
    connector = SaveRestoreConnector()
    connector.model_extracted_dir = job.checkpoint
    with restoring("NeMo", "nemo_toolkit"):
        return getattr(models, job.class_name).restore_from(
            job.checkpoint, map_location=torch.device("cpu"), save_restore_connector=connector
        )


def export(model: Any, job: ExportJob, *, device: str, notes: list[str]) -> ExportedGraph:
    """Lets NeMo export the model, or a part of it.

    Raises:
        UsageError: There is no such part.
        ExportFailed: NeMo cannot export it.
    """
    part = _part_of(model, job.subnet)
    if job.export_config:
        part.set_export_config(dict(job.export_config))
    size = _example_size(job, model.encoder, on_gpu=device.startswith("cuda"), notes=notes)
    example = part.input_module.input_example(**size)
    why = "the exporter cannot translate an operation of this model at this opset"
    with translating("NeMo", "nemo_toolkit", "export", why, "try another --onnx-opset"):
        model.freeze()
        part.export(job.graph, input_example=example, onnx_opset_version=job.opset, verbose=job.log_level == "DEBUG")
    featurizer = model.preprocessor.featurizer  # the configuration leaves out what has its default value
    subsampling = int(model.encoder.subsampling_factor)
    field = receptive_field(yaml.safe_load((Path(job.checkpoint) / CONFIG).read_text(encoding="utf-8")))
    return ExportedGraph(
        max_batch=int(example[0].shape[0]),
        max_dim=int(example[0].shape[-1]),
        subsampling=subsampling,
        facts={
            "stride_ms": _plain(1000 * featurizer.hop_length / featurizer.sample_rate * subsampling),
            "max_frames": _max_frames(model.encoder),
            "receptive_field": field and {"left_frames": field[0], "right_frames": field[1]},
        },
        versions={name: importlib.metadata.version(name) for name in ("nemo_toolkit", "torch")},
    )


def references(model: Any, job: ExportJob) -> Iterator[Reference]:
    """Runs the utterances one at a time.

    Features are cut to their length: NeMo's preprocessor may append frames, and the served path never does.
    """
    seen: dict[str, Any] = {}

    def remember(_module: Any, args: tuple[Any, ...], inputs: dict[str, Any], output: Any) -> None:
        seen.update(inputs=inputs, output=output[0] if isinstance(output, tuple) else output)

    if job.subnet is not None:
        _part_of(model, job.subnet).register_forward_hook(remember, with_kwargs=True)
    for samples in utterances(model.preprocessor.featurizer.sample_rate):
        features, length = _features(model, torch.from_numpy(samples))
        output = model(processed_signal=features, processed_signal_length=length)[0]
        inputs = {"audio_signal": features, "length": length}
        if job.subnet is not None:
            inputs, output = seen["inputs"], seen["output"]
        yield Reference(inputs=_arrays(inputs), outputs=(output.numpy(),))


def _arrays(inputs: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
    return {name: tensor.numpy() for name, tensor in inputs.items() if torch.is_tensor(tensor)}


def _features(model: Any, samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns features (1, bands, frames) and their length (1,), without dither, as `transcribe()` computes them."""
    model.preprocessor.featurizer.dither = 0.0
    features, length = model.preprocessor(input_signal=samples[None], length=torch.tensor([samples.shape[0]]))
    return features[:, :, : int(length)], length


def _part_of(model: Any, subnet: str | None) -> Any:
    part = model if subnet is None else getattr(model, subnet, None)
    if not hasattr(part, "export"):
        parts = ", ".join(name for name, child in model.named_children() if hasattr(child, "export"))
        raise UsageError(f"--export-subnet {subnet}: the model has no such part", fix=f"name one of {parts}")
    return part


def _example_size(job: ExportJob, encoder: Any, *, on_gpu: bool, notes: list[str]) -> dict[str, int]:
    size = {} if job.max_batch is None else {"max_batch": job.max_batch}
    max_dim = job.max_dim
    if max_dim is not None and not on_gpu and not job.max_dim_asked:
        notes.append(f"max_dim {max_dim} of the schema is not used on cpu: the encoder's own example size is")
        max_dim = None
    if max_dim is not None:
        size["max_dim"] = max_dim
        if hasattr(encoder, "set_max_audio_length"):  # the table of positions is traced as long as it is now
            encoder.update_max_seq_length(seq_length=-(-max_dim // int(encoder.subsampling_factor)), device=None)
    return size


def _max_frames(encoder: Any) -> int | None:
    """Attention has a table of positions, squeeze-and-excitation one of indices; plain convolutions have no limit."""
    from nemo.collections.asr.parts.submodules.jasper import SqueezeExcite

    if hasattr(encoder, "pos_emb_max_len"):
        return int(encoder.max_audio_length) * int(encoder.subsampling_factor)
    if any(isinstance(module, SqueezeExcite) for module in encoder.modules()):
        return int(encoder.max_audio_length)
    return None


def _plain(number: float) -> float | int:
    """10 ms times 4 is 40, not 40.00000000000001."""
    rounded = round(number, 6)
    return int(rounded) if rounded == int(rounded) else rounded
