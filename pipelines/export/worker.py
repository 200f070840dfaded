"""The NeMo process: `python -m pipelines.export.worker JOB.json`.

It forks once NeMo is imported (which takes most of the time of an export): the child computes the reference, the parent
exports. Nothing but the unpacked checkpoint and the job reaches it; it dies with the process that started it.
"""

import contextlib
import dataclasses
import importlib.metadata
import multiprocessing
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from pipelines.errors import InternalError, RivaError, UsageError
from pipelines.export.job import ExportJob, NemoExport, read_json, write_json
from pipelines.export.processes import die_with_parent, write_error
from pipelines.export.work_folder import is_full, work_folder_full

__all__ = ["export_graph"]

SHORTEST_MAX_DIM = 10_000  # nemo2riva 2.16 halves max_dim down to this when a GPU's memory is short


def main() -> int:
    """Does the job; the outcome or the error is in the files that the job names."""
    die_with_parent()
    job = read_json(Path(sys.argv[1]), ExportJob)
    warnings.simplefilter("ignore")  # NeMo and torch warn about what is done on purpose; errors are raised
    import nemo.collections.asr.models  # noqa: F401 (before the fork, so that both processes have it)
    from nemo.utils import logging

    logging.setLevel(job.log_level)
    reference = multiprocessing.get_context("fork").Process(target=_reference, args=(job,))
    reference.start()
    try:
        write_json(Path(job.outcome), export_graph(job))
    except Exception as error:  # the process border: what it is goes to the parent process
        write_error(Path(job.outcome), _as_error(error))
        reference.terminate()
    reference.join()
    return reference.exitcode or 0


def _reference(job: ExportJob) -> None:
    die_with_parent()
    from pipelines.export.reference import write_reference

    try:
        write_reference(job)
    except Exception as error:  # the process border, as above
        write_error(Path(job.reference), _as_error(error))
    sys.stdout.flush()
    os._exit(0)


def export_graph(job: ExportJob) -> NemoExport:
    """Restores the checkpoint and lets NeMo export it; where a GPU's memory is short, with shorter examples.

    Raises:
        BrokenCheckpoint: A weight is not a number.
        UsageError: The device or the part of the model does not exist.
    """
    import torch

    notes: list[str] = []
    while True:
        try:
            return _trace(job, notes)
        except torch.OutOfMemoryError:
            if job.max_dim is None or job.max_dim // 2 < SHORTEST_MAX_DIM:
                raise
            notes.append(f"max_dim {job.max_dim} needs more memory than the device has; tried {job.max_dim // 2}")
            job = dataclasses.replace(job, max_dim=job.max_dim // 2)


def _trace(job: ExportJob, notes: list[str]) -> NemoExport:
    import torch

    from pipelines.export.restore import nemo_border, part_of, restore

    device = _device(job.device, notes)
    on_gpu = device.startswith("cuda")
    if job.autocast and not on_gpu:
        notes.append("autocast is off: half precision is traced on a GPU only, the graph is in single precision")
    autocast = job.autocast and on_gpu
    model = restore(job.class_name, Path(job.checkpoint), "cpu").to(device)
    encoder = model.encoder
    part = part_of(model, job.subnet)
    if job.export_config:
        part.set_export_config(dict(job.export_config))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    example = part.input_module.input_example(**_example_size(job, encoder, on_gpu=on_gpu, notes=notes))
    half = torch.autocast("cuda", dtype=torch.float16, cache_enabled=False) if autocast else contextlib.nullcontext()
    why = "the exporter cannot translate an operation of this model at this opset"
    with nemo_border("export", why, "try another --onnx-opset"), half, torch.inference_mode():
        model.freeze()
        part.export(job.graph, input_example=example, onnx_opset_version=job.opset, verbose=job.log_level == "DEBUG")
    featurizer = model.preprocessor.featurizer  # the configuration leaves out what has its default value
    return NemoExport(
        device=device,
        autocast=autocast,
        max_batch=int(example[0].shape[0]),
        max_dim=int(example[0].shape[-1]),
        parameters=parameters,
        subsampling=int(encoder.subsampling_factor),
        frame_ms=1000 * featurizer.hop_length / featurizer.sample_rate,
        max_frames=_max_frames(encoder),
        versions={name: importlib.metadata.version(name) for name in ("nemo_toolkit", "torch")},
        notes=notes,
    )


def _device(asked: str | None, notes: list[str]) -> str:
    import torch

    if torch.cuda.is_available():
        return asked or "cuda"
    if asked is None:
        notes.append("device is cpu: this machine has no CUDA device (upstream's default is cuda)")
    elif asked.startswith("cuda"):
        raise UsageError(f"--device {asked}: this machine has no CUDA device", fix="leave --device out, or give cpu")
    return asked or "cpu"


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


def _as_error(error: Exception) -> RivaError:
    if isinstance(error, RivaError):
        return error
    if is_full(error):
        return work_folder_full(error)
    fix = "run again with --verbose for the log, and report it"
    return InternalError(f"the NeMo process failed: {type(error).__name__}: {error}", fix=fix)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # NeMo's libraries take seconds to tear down, and everything that matters is on disk.
    os._exit(code if code >= 0 else 128 - code)
