"""The export stage: a NeMo checkpoint becomes a `.riva` archive, or an error says why not.

    read (nothing is executed) -> NeMo process: reference | export -> ONNX Runtime process: compare -> write

NeMo and ONNX Runtime run in processes of their own (`pipelines/export/`); this one imports neither.
"""

import hashlib
import json
import subprocess
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipelines.archive.archive import write_archive
from pipelines.archive.encrypted_path import read_key
from pipelines.archive.nemo import CONFIG, NemoCheckpoint
from pipelines.archive.schema import Export, Schema
from pipelines.cli.flags import to_mapping
from pipelines.compatibility import RivaVersion, riva_version
from pipelines.contract import Pipeline
from pipelines.errors import OutputExists
from pipelines.export.acceptance import check_content, check_schema, check_versions, tolerance_of
from pipelines.export.job import Comparison, ExportJob, NemoExport, read_json, write_json
from pipelines.export.manifest import artifacts, export_facts, metadata
from pipelines.export.options import ExportOptions
from pipelines.export.packing import pack_graph
from pipelines.export.processes import child, wait
from pipelines.export.recipe import check_nemo_version, check_options, export_config, recipe_of
from pipelines.export.work_folder import work_folder
from pipelines.progress import progress
from pipelines.registry import pipeline_of
from pipelines.verdict.verdict import judge_open

__all__ = ["ExportRequest", "ExportResult", "export_riva"]

NEMO_LIMIT_S = 4 * 3600.0  # a model of several billion parameters on a slow disk; a hang must end some time
COMPARISON_LIMIT_S = 3600.0
_NOT_RECORDED = frozenset({"out", "schema", "key", "force", "verbose"})  # secret, or without effect on the content
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
    key = read_key(options.key) if options.key is not None else None
    if request.output.exists() and not options.force:  # before the long work; the writer checks again
        raise OutputExists(f"{request.output} exists", fix="give -f/--force to replace it, or another name")
    with ExitStack() as stack:
        bar = stack.enter_context(progress("nemo2riva", sum(_STEPS.values())))
        work = stack.enter_context(work_folder())
        checkpoint = stack.enter_context(NemoCheckpoint.open(request.source))
        judge_open(checkpoint).raise_findings()
        pipeline = pipeline_of(checkpoint.obj_cls)
        schema = Schema.load(options.schema) if options.schema else pipeline.schema_of(checkpoint.obj_cls)
        notes = check_nemo_version(schema, checkpoint.nemo_version, strict=options.validate)
        recipe = recipe_of(schema, options)
        job = _prepare(request, recipe, checkpoint, pipeline, work)
        bar.advance(_STEPS["read"])

        say(f"Restoring NeMo model from '{request.source}'")
        export, comparison, digest = _run(job, request.source, work, shown=options.verbose is not None, bar=bar)
        notes += [*export.notes, *check_versions(comparison, riva)]
        check_content(export, comparison)

        graph = pack_graph(Path(job.graph))
        facts = export_facts(checkpoint, export, comparison, tolerance=tolerance_of(export))
        manifest = {"metadata": metadata(checkpoint), "riva_ci": {**facts, **_origin(request, digest, riva)}}
        members = artifacts(checkpoint, graph_name=recipe.name, graph=graph, encrypt=key is not None)
        if options.validate:
            attributes = {member.name: member.attributes for member in members}
            check_schema(schema, manifest["metadata"], attributes, checkpoint.config)
        say(f"Saving to {request.output}")
        write_archive(request.output, manifest, members, key=key, force=options.force)
        bar.advance(_STEPS["write"])
    return ExportResult(output=request.output, facts=facts, notes=tuple(notes))


def _prepare(
    request: ExportRequest, recipe: Export, checkpoint: NemoCheckpoint, pipeline: Pipeline[Any], work: Path
) -> ExportJob:
    """Copies what the network needs, and nothing else, into a folder, and writes down what it is to do."""
    options = request.options
    folder, graph = work / "checkpoint", work / "graph" / recipe.name
    folder.mkdir()
    graph.parent.mkdir()
    checkpoint.unpack(folder, without=(CONFIG,))
    config = pipeline.checkpoint.config_for_nemo(checkpoint.config)
    (folder / CONFIG).write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    job = ExportJob(
        pipeline=pipeline.name,
        checkpoint=str(folder),
        class_name=checkpoint.obj_cls.rsplit(".", 1)[-1],
        graph=str(graph),
        reference=str(work / "reference.npz"),
        outcome=str(work / "export.json"),
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
    write_json(work / "job.json", job)
    return job


def _run(job: ExportJob, source: Path, work: Path, *, shown: bool, bar: Any) -> tuple[NemoExport, Comparison, str]:
    """Runs both processes, and reads the source meanwhile; returns what they did and the source's sha256."""
    log, outcome = work / "nemo.log", work / "comparison.json"
    with ExitStack() as stack:
        sink = None if shown else stack.enter_context(log.open("wb"))
        nemo = stack.enter_context(child("pipelines.export.worker", str(work / "job.json"), log=sink))
        runtime = stack.enter_context(child("pipelines.export.comparison", log=sink, stdin=subprocess.PIPE))
        with source.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        wait(
            nemo,
            "NeMo",
            results=[Path(job.outcome), Path(job.reference)],
            limit_s=NEMO_LIMIT_S,
            log=None if shown else log,
        )
        bar.advance(_STEPS["export"])
        paths = {"graph": job.graph, "reference": job.reference, "outcome": str(outcome), "whole": job.subnet is None}
        with suppress(BrokenPipeError):  # if it is dead already, `wait` says why
            assert runtime.stdin is not None
            runtime.stdin.write(json.dumps(paths).encode() + b"\n")
            runtime.stdin.close()
        wait(runtime, "ONNX Runtime", results=[outcome], limit_s=COMPARISON_LIMIT_S, log=None if shown else log)
        bar.advance(_STEPS["compare"])
    return read_json(Path(job.outcome), NemoExport), read_json(outcome, Comparison), digest


def _origin(request: ExportRequest, digest: str, riva: RivaVersion) -> dict[str, Any]:
    """Where the archive comes from; neither places on this machine nor the key are told."""
    options = {name: value for name, value in to_mapping(request.options).items() if name not in _NOT_RECORDED}
    return {
        "input": {"name": request.source.name, "sha256": digest, "size": request.source.stat().st_size},
        "options": {**options, "export-config": list(request.options.export_config)},
        "options_set": sorted(request.given - _NOT_RECORDED),
        "riva_version": riva.version,
    }
