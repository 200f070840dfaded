"""The export stage: a NeMo checkpoint becomes a `.riva` archive, or an error says why not.

    judge (nothing is executed) -> clean copy -> NeMo process: reference | export -> ONNX Runtime: compare -> write

NeMo and ONNX Runtime run in processes of their own, in a sandbox (`pipelines/export/`); this one imports neither. Of
the checkpoint they see the clean copy alone.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipelines.archive.archive import write_archive
from pipelines.archive.encrypted_path import key_of_environment, key_warnings, read_key
from pipelines.archive.nemo import NemoCheckpoint
from pipelines.archive.schema import Export, Schema
from pipelines.cli.flags import to_mapping
from pipelines.compatibility import RivaVersion, riva_version
from pipelines.errors import BrokenCheckpoint, OutputExists
from pipelines.export.acceptance import check_content, check_schema, check_versions, tolerance_of
from pipelines.export.environment import check_environment
from pipelines.export.job import Comparison, ExportJob, NemoExport
from pipelines.export.manifest import artifacts, export_facts, metadata
from pipelines.export.options import ExportOptions
from pipelines.export.packing import pack_graph
from pipelines.export.processes import child, read_result, wait
from pipelines.export.recipe import check_options, export_config, memory_limit, recipe_of
from pipelines.export.sandbox import Isolation, Sandbox
from pipelines.export.work_folder import work_folder
from pipelines.progress import Progress, progress
from pipelines.registry import pipeline_of
from pipelines.verdict.clean import CleanCheckpoint, write_clean
from pipelines.verdict.needs import Needs
from pipelines.verdict.verdict import judge, judge_open

__all__ = ["ExportRequest", "ExportResult", "export_riva"]

# Secret, or without effect on the content.
_NOT_RECORDED = frozenset({"out", "schema", "key", "force", "verbose", "memory-limit", "time-limit"})
_GPUS = ("nvidia[0-9]*", "nvhost-gpu", "nvgpu", "dxg")  # devices of GPUs: on a server, Jetsons of two ages, and WSL
_STEPS = {"read": 1, "export": 14, "compare": 2, "write": 1}  # about seconds, for the progress bar


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """What `nemo2riva` was asked for.

    Args:
        source: The `.nemo` checkpoint.
        options: The options, as typed.
        given: Names of the options that were typed.
    """

    source: Path
    options: ExportOptions
    given: frozenset[str] = frozenset()

    @property
    def output(self) -> Path:
        """The `.riva` to write: beside the source unless `--out` says otherwise, always with that extension."""
        path = (self.options.out or self.source).with_suffix(".riva")
        subnet = self.options.export_subnet
        return path.with_name(f"{path.stem}-{subnet}.riva") if subnet else path


@dataclass(frozen=True, kw_only=True)
class ExportResult:
    """A `.riva` that was written.

    Args:
        output: The file.
        facts: What its manifest says under `riva_ci`.
        notes: What differs from what was asked or expected, one sentence each.
    """

    output: Path
    facts: dict[str, Any]
    notes: tuple[str, ...]


def export_riva(request: ExportRequest, say: Callable[[str], None]) -> ExportResult:
    """Exports a checkpoint, proves that the graph computes the same, and writes the archive.

    Args:
        request: What to do.
        say: Takes a line about what is happening.

    Raises:
        InputError: The source is not a whole, safe `.nemo` archive.
        UnsupportedCheckpoint: Its class cannot be exported.
        BrokenCheckpoint: A part is missing, or a weight is not a number.
        ExportFailed: NeMo could not restore or export it.
        GraphDiffers: ONNX Runtime does not compute what the checkpoint computes.
        GraphTooNew: The chosen Riva version cannot load the graph.
        SchemaViolated: `--validate` found something missing.
        OutputError: The output exists or cannot be written.
    """
    options = request.options
    riva = riva_version(options.riva_version)
    check_options(options, riva)
    key = read_key(options.key) if options.key is not None else key_of_environment()
    for warning in key_warnings(key):
        say(f"warning: {warning}")
    if request.output.exists() and not options.force:  # before the long work; the writer checks again
        raise OutputExists(f"{request.output} exists", fix="give -f/--force to replace it, or another name")
    with ExitStack() as stack:
        bar = stack.enter_context(progress("nemo2riva", sum(_STEPS.values())))
        work = stack.enter_context(work_folder())
        checkpoint = stack.enter_context(NemoCheckpoint.open(request.source))
        before = _identity(request.source)
        verdict = judge_open(checkpoint, scan_weights=True)
        verdict.raise_findings()
        pipeline = pipeline_of(checkpoint.obj_cls)
        schema = Schema.load(options.schema) if options.schema else pipeline.schema_of(checkpoint.obj_cls)
        for warning in check_environment(
            schema,
            obj_cls=checkpoint.obj_cls,
            saved_by=checkpoint.nemo_version,
            riva=riva,
            strict=options.validate,
        ):
            say(f"warning: {warning}")
        recipe = recipe_of(schema, options)
        job = _job(request, recipe, checkpoint, pipeline.name, work)
        bar.advance(_STEPS["read"])

        say(f"Restoring NeMo model from '{request.source}'")
        sandbox = _sandbox(options, verdict.needs, work)
        done = _run(job, checkpoint, options, sandbox, say=say, bar=bar)
        notes = [*done.export.notes, *done.isolation.notes, *check_versions(done.comparison, riva)]
        check_content(done.export, done.comparison)

        graph = pack_graph(Path(job.graph))
        facts = export_facts(checkpoint, done.export, done.comparison, tolerance=tolerance_of(done.export))
        facts = {**facts, "sandbox": done.isolation.facts, **_origin(request, done.clean, riva)}
        manifest = {"metadata": metadata(checkpoint), "riva_ci": facts}
        members = artifacts(checkpoint, graph_name=recipe.name, graph=graph, encrypt=key is not None)
        if options.validate:
            attributes = {member.name: member.attributes for member in members}
            check_schema(schema, manifest["metadata"], attributes, checkpoint.config)
        if _identity(request.source) != before:  # its other members go into the archive, as they were judged
            why = "something wrote to it during the export"
            raise BrokenCheckpoint(f"{request.source} changed while it was exported", why, "export it again")
        say(f"Saving to {request.output}")
        write_archive(request.output, manifest, members, key=key, force=options.force)
        bar.advance(_STEPS["write"])
    return ExportResult(output=request.output, facts=facts, notes=tuple(notes))


def _identity(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _job(request: ExportRequest, recipe: Export, checkpoint: NemoCheckpoint, pipeline: str, work: Path) -> ExportJob:
    """Says what the NeMo process is to do, and makes the folders for it."""
    options = request.options
    folder, graph = work / "checkpoint", work / "graph" / recipe.name
    folder.mkdir()
    graph.parent.mkdir()
    return ExportJob(
        pipeline=pipeline,
        archive=str(work / "clean.nemo"),
        checkpoint=str(folder),
        class_name=checkpoint.obj_cls.rsplit(".", 1)[-1],
        graph=str(graph),
        reference=str(work / "reference.npz"),
        subnet=recipe.subnet,
        opset=options.onnx_opset,
        device=options.device,
        autocast=recipe.autocast,
        max_batch=options.max_batch,
        max_dim=recipe.max_dim,
        max_dim_asked=options.max_dim is not None,
        export_config=export_config(options),
        log_level=(options.verbose or "INFO").upper(),
    )


def _sandbox(options: ExportOptions, needs: Needs | None, work: Path) -> Sandbox:
    gpu = options.device != "cpu" and any(True for pattern in _GPUS for _ in Path("/dev").glob(pattern))
    return Sandbox(work=work, memory_limit=memory_limit(options, needs), whole_address_space=not gpu)


@dataclass(frozen=True, kw_only=True)
class _Done:
    """What the processes did, and with what."""

    export: NemoExport
    comparison: Comparison
    clean: CleanCheckpoint
    isolation: Isolation


def _run(
    job: ExportJob,
    checkpoint: NemoCheckpoint,
    options: ExportOptions,
    sandbox: Sandbox,
    *,
    say: Callable[[str], None],
    bar: Progress,
) -> _Done:
    """Runs both processes; makes the clean copy while they import their libraries."""
    log, exported, compared = (sandbox.work / name for name in ("nemo.log", "export.json", "comparison.json"))
    with ExitStack() as stack:
        sink = stack.enter_context(log.open("wb")) if options.verbose is None else None
        shown = log if options.verbose is None else None
        arguments = (job.pipeline, str(exported))
        nemo = stack.enter_context(child("pipelines.export.worker", *arguments, sandbox=sandbox, log=sink))
        runtime = stack.enter_context(child("pipelines.export.comparison", sandbox=sandbox, log=sink))
        say(str(nemo.isolation))
        clean = write_clean(checkpoint, Path(job.archive))
        judge(clean.path).raise_findings()  # what is loaded was judged, even if the source changed meanwhile
        say(f"Admitted: sha256 {clean.source_sha256}, its clean copy {clean.sha256}")
        nemo.send(asdict(job))
        wait(nemo, "NeMo", results=[exported, Path(job.reference)], limit_s=options.time_limit, log=shown)
        bar.advance(_STEPS["export"])
        paths = {"graph": job.graph, "reference": job.reference, "outcome": str(compared), "whole": job.subnet is None}
        runtime.send(paths)
        wait(runtime, "ONNX Runtime", results=[compared], limit_s=options.time_limit, log=shown)
        bar.advance(_STEPS["compare"])
    return _Done(
        export=read_result(exported, NemoExport),
        comparison=read_result(compared, Comparison),
        clean=clean,
        isolation=nemo.isolation,
    )


def _origin(request: ExportRequest, clean: CleanCheckpoint, riva: RivaVersion) -> dict[str, Any]:
    """Where the archive comes from; neither places on this machine nor the key are told."""
    options = {name: value for name, value in to_mapping(request.options).items() if name not in _NOT_RECORDED}
    return {
        "input": {"name": request.source.name, "sha256": clean.source_sha256, "size": request.source.stat().st_size},
        "clean": {"sha256": clean.sha256, "size": clean.size},
        "options": {**options, "export-config": list(request.options.export_config)},
        "options_set": sorted(request.given - _NOT_RECORDED),
        "riva_version": riva.version,
    }
