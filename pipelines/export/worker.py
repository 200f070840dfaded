"""The NeMo process: `python -m pipelines.export.worker PIPELINE OUTCOME`, the job on stdin once there is one.

Importing the libraries of the network takes most of the time of an export. Then it unpacks the clean checkpoint and
forks: the child computes the reference, the parent exports. It runs in a sandbox (`sandbox/`).
"""

import contextlib
import dataclasses
import json
import multiprocessing
import os
import sys
import warnings
from pathlib import Path

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.errors import ExportFailed, ExportLimited, InternalError, RivaError, UsageError
from pipelines.export.job import ExportJob, NemoExport, write_json
from pipelines.export.processes import write_error
from pipelines.export.sandbox.kernel import die_with_parent
from pipelines.export.sandbox.memory import exhausted_limit
from pipelines.export.work_folder import is_full, work_folder_full
from pipelines.registry import load_pipeline
from pipelines.sizes import in_words

__all__ = ["export_graph"]

SHORTEST_MAX_DIM = 10_000  # nemo2riva 2.16 halves max_dim down to this when a GPU's memory is short


def main() -> int:
    """Does the job; leaves a `NemoExport` or an error in the file OUTCOME."""
    pipeline, outcome = sys.argv[1], Path(sys.argv[2])
    try:
        return _do(pipeline, outcome)
    except Exception as error:  # the process border: what it is goes to the parent process
        write_error(outcome, _as_error(error))
        return 0


def _do(pipeline: str, outcome: Path) -> int:
    warnings.simplefilter("ignore")  # NeMo and torch warn about what is done on purpose; errors are raised
    load_pipeline(pipeline).network()  # before the fork, so that both processes have what it imports
    line = sys.stdin.readline()
    if not line:  # the process that started this one gave up
        return 0
    job = ExportJob(**json.loads(line))
    with NemoCheckpoint.open(Path(job.archive)) as checkpoint:
        checkpoint.unpack(Path(job.checkpoint))
    reference = multiprocessing.get_context("fork").Process(target=_reference, args=(job,))
    reference.start()
    try:
        write_json(outcome, export_graph(job))
    except BaseException:
        reference.terminate()
        raise
    finally:
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
    """Restores the checkpoint and lets its room export it; where a GPU's memory is short, with shorter examples.

    Raises:
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

    network = load_pipeline(job.pipeline).network()
    device = _device(job.device, notes)
    on_gpu = device.startswith("cuda")
    if job.autocast and not on_gpu:
        notes.append("autocast is off: half precision is traced on a GPU only, the graph is in single precision")
    autocast = job.autocast and on_gpu
    model = network.restore(job).eval()
    half = torch.autocast("cuda", dtype=torch.float16, cache_enabled=False) if autocast else contextlib.nullcontext()
    with half, torch.inference_mode():
        graph = network.export(model.to(device), job, device=device, notes=notes)
    return NemoExport(
        device=device,
        autocast=autocast,
        max_batch=graph.max_batch,
        max_dim=graph.max_dim,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        subsampling=graph.subsampling,
        facts=dict(graph.facts),
        versions=dict(graph.versions),
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


def _as_error(error: Exception) -> RivaError:
    if is_full(error):
        return work_folder_full(error)
    known = isinstance(error, RivaError) and not isinstance(error, ExportFailed)
    limit = None if known else exhausted_limit(error)
    if limit is not None:
        what = f"the export needs more memory than the {in_words(limit)} that each of its processes may have"
        fix = "give it more with --memory-limit, on a machine that has it"
        return ExportLimited(what, error.what if isinstance(error, RivaError) else str(error), fix)
    if isinstance(error, RivaError):
        return error
    fix = "run again with --verbose for the log, and report it"
    return InternalError(f"the NeMo process failed: {type(error).__name__}: {error}", fix=fix)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # NeMo's libraries take seconds to tear down, and everything that matters is on disk.
    os._exit(code if code >= 0 else 128 - code)
