"""The export stage: a NeMo checkpoint becomes a `.riva` archive, or an error says why not.

    read (nothing is executed) -> NeMo process: reference | export -> ONNX Runtime process: compare -> write

NeMo and ONNX Runtime run in processes of their own (`pipelines/export/`); this one imports neither.
"""

import errno
import hashlib
import importlib.metadata
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import yaml

from pipelines.archive.archive import write_archive
from pipelines.archive.encrypted_path import read_key
from pipelines.archive.nemo import CONFIG, NemoCheckpoint
from pipelines.archive.schema import Export, Schema
from pipelines.cli.flags import to_mapping
from pipelines.compatibility import Cell, RivaVersion, riva_version
from pipelines.errors import ExportFailed, GraphDiffers, GraphTooNew, OutputExists, SchemaViolated, UsageError
from pipelines.export.job import Comparison, ExportJob, NemoExport, read_json, write_json
from pipelines.export.manifest import artifacts, export_facts, metadata
from pipelines.export.options import ExportOptions
from pipelines.export.packing import pack_graph
from pipelines.export.processes import child, wait, work_folder_full
from pipelines.progress import progress
from pipelines.speech_recognition import checkpoint as speech_recognition
from pipelines.verdict.rules import judge_open

__all__ = ["ExportRequest", "ExportResult", "export_riva"]

TOLERANCE = 1e-3
"""Largest difference of a log probability in single precision. Measured: 2e-5 for 13 M parameters and 16 layers."""

HALF_TOLERANCE = 1e-1
"""The same in half precision, whose eleven bits are worth about 0.01 at the size of unlikely log probabilities."""

NEMO_LIMIT_S = 4 * 3600.0  # a model of several billion parameters on a slow disk; a hang must end some time
COMPARISON_LIMIT_S = 3600.0
_LOG_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")
_FORMATS = ("ONNX", "CKPT", "TS", "NEMO")
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
    _check_usage(options, riva)
    if request.output.exists() and not options.force:  # before the long work; the writer checks again
        raise OutputExists(f"{request.output} exists", fix="give -f/--force to replace it, or another name")
    with ExitStack() as stack:
        bar = stack.enter_context(progress("nemo2riva", sum(_STEPS.values())))
        work = stack.enter_context(_work_folder())
        checkpoint = stack.enter_context(NemoCheckpoint.open(request.source))
        judge_open(checkpoint).raise_findings()
        schema = Schema.load(options.schema) if options.schema else speech_recognition.schema_of(checkpoint.obj_cls)
        notes = _check_nemo_version(schema, strict=options.validate)
        recipe = _recipe(schema, options)
        job = _prepare(request, recipe, checkpoint, work)
        bar.advance(_STEPS["read"])

        say(f"Restoring NeMo model from '{request.source}'")
        export, comparison, digest = _run(job, request.source, work, shown=options.verbose is not None, bar=bar)
        notes += [*export.notes, *_check_versions(comparison, riva)]
        tolerance = HALF_TOLERANCE if export.autocast else TOLERANCE
        _check_content(export, comparison, tolerance)

        graph = pack_graph(Path(job.graph))
        facts = export_facts(checkpoint, export, comparison, tolerance=tolerance)
        manifest = {"metadata": metadata(checkpoint), "riva_ci": {**facts, **_origin(request, digest, riva)}}
        members = artifacts(checkpoint, graph_name=recipe.name, graph=graph, encrypt=options.key is not None)
        if options.validate:
            attributes = {member.name: member.attributes for member in members}
            _validate(schema, manifest["metadata"], attributes, checkpoint)
        say(f"Saving to {request.output}")
        key = read_key(options.key) if options.key is not None else None
        write_archive(request.output, manifest, members, key=key, force=options.force)
        bar.advance(_STEPS["write"])
    return ExportResult(output=request.output, facts=facts, notes=tuple(notes))


@contextmanager
def _work_folder() -> Iterator[Path]:
    """A folder for the unpacked checkpoint and the graph; about twice the checkpoint's size."""
    try:
        with tempfile.TemporaryDirectory(prefix="nemo2riva-") as folder:
            yield Path(folder)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise work_folder_full(error) from error


def _check_usage(options: ExportOptions, riva: RivaVersion) -> None:
    if options.verbose is not None and options.verbose.upper() not in _LOG_LEVELS:
        raise UsageError(f"Invalid log level: {options.verbose}", fix=f"give one of {', '.join(_LOG_LEVELS)}")
    if options.format is not None and options.format.upper() not in _FORMATS:
        raise UsageError(f"Format `{options.format.upper()}` is invalid. Please pick one of the {_FORMATS}")
    if options.format is not None and options.format.upper() != "ONNX":
        raise UsageError(
            f"--format {options.format.upper()} is not exported here",
            "it holds no graph that can be run and compared without NeMo",
            "leave --format out for ONNX; NVIDIA's own nemo2riva writes the other forms",
        )
    if options.cache_support:
        raise UsageError(
            "--cache-support is not supported (upstream deprecates it)",
            "a graph with state caches cannot be compared with the checkpoint's whole-utterance outputs",
            "leave it out: streaming pipelines keep their own state around the plain graph",
        )
    ceiling = riva.onnx_opset.value
    if ceiling is not None and options.onnx_opset > ceiling:  # known before the long work
        _refuse_new("opset", options.onnx_opset, riva, riva.onnx_opset)
    for name, value in (("max-batch", options.max_batch), ("max-dim", options.max_dim)):
        if value is not None and value < 1:
            raise UsageError(f"--{name} {value}: expected at least 1")
    _export_config(options)


def _export_config(options: ExportOptions) -> dict[str, str]:
    pairs = [entry.split("=") for entry in options.export_config]
    if any(len(pair) != 2 for pair in pairs):
        raise UsageError("Use correct format for --export_config: k=v", fix="give KEY=VALUE, with exactly one `=`")
    return {name: value for name, value in pairs}  # noqa: C416 (mypy cannot see pairs in lists)


def _check_nemo_version(schema: Schema, *, strict: bool) -> list[str]:
    try:
        installed = importlib.metadata.version("nemo_toolkit")
    except importlib.metadata.PackageNotFoundError as error:
        why = "nemo2riva needs an environment of its own (extra `export`)"
        raise ExportFailed(
            "NeMo is not installed in this environment", why, "run it through `nox -s export`"
        ) from error
    if not schema.min_nemo_version or _numbers(installed) >= _numbers(schema.min_nemo_version):
        return []
    text = f"this model requires nemo_toolkit >={schema.min_nemo_version}, {installed} is installed"
    if strict:
        raise SchemaViolated(text, fix=f"install nemo_toolkit >={schema.min_nemo_version}")
    return [text]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _recipe(schema: Schema, options: ExportOptions) -> Export:
    """How the one graph is exported: the schema, and what the options change about it."""
    recipe, *more = schema.exports
    if more or not recipe.name.endswith(".onnx"):
        names = ", ".join(export.name for export in schema.exports)
        raise UsageError(f"{schema.path} asks for {names}; one ONNX file is exported here")
    if recipe.subnet not in (None, "self") and options.export_subnet:
        raise UsageError("Can't combine schema's export_subnet and export-subnet argument!")
    if recipe.encryption and options.key is None:
        raise UsageError(f"{recipe.name} requires encryption and no key was given", fix="give --key")
    subnet = options.export_subnet or recipe.subnet
    return replace(
        recipe,
        subnet=None if subnet == "self" else subnet,
        autocast=recipe.autocast if options.autocast is None else options.autocast,
        max_dim=recipe.max_dim if options.max_dim is None else options.max_dim,
    )


def _prepare(request: ExportRequest, recipe: Export, checkpoint: NemoCheckpoint, work: Path) -> ExportJob:
    """Copies what NeMo needs, and nothing else, into a folder, and writes down what it is to do."""
    options = request.options
    folder, graph = work / "checkpoint", work / "graph" / recipe.name
    folder.mkdir()
    graph.parent.mkdir()
    checkpoint.unpack(folder, without=(CONFIG,))
    config = yaml.safe_dump(speech_recognition.config_for_nemo(checkpoint.config), sort_keys=False, allow_unicode=True)
    (folder / CONFIG).write_text(config, encoding="utf-8")
    job = ExportJob(
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
        export_config=_export_config(options),
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
        runtime.communicate(json.dumps(paths).encode() + b"\n", timeout=COMPARISON_LIMIT_S)
        wait(runtime, "ONNX Runtime", results=[outcome], limit_s=COMPARISON_LIMIT_S, log=None if shown else log)
        bar.advance(_STEPS["compare"])
    return read_json(Path(job.outcome), NemoExport), read_json(outcome, Comparison), digest


def _check_versions(comparison: Comparison, riva: RivaVersion) -> list[str]:
    """Compares the graph with what a Riva version loads; returns what could not be compared."""
    notes = []
    for what, found, ceiling in (
        ("ONNX IR version", comparison.ir_version, riva.onnx_ir),
        ("opset", comparison.opset, riva.onnx_opset),
    ):
        if ceiling.value is None:
            notes.append(f"the highest {what} of Riva {riva.version} is unknown; the graph's {found} was not compared")
        elif found > ceiling.value:
            _refuse_new(what, found, riva, ceiling)
    return notes


def _refuse_new(what: str, found: int, riva: RivaVersion, ceiling: Cell) -> NoReturn:
    raise GraphTooNew(
        f"the graph has {what} {found}, Riva {riva.version} takes {ceiling.value}",
        f"{ceiling.evidence}: {ceiling.source}",
        "export with a lower --onnx-opset, or name a newer Riva with --riva-version",
    )


def _check_content(export: NemoExport, comparison: Comparison, tolerance: float) -> None:
    for how, error in (
        ("one utterance at a time", comparison.single_error),
        ("utterances of equal length in a batch", comparison.equal_error),
    ):
        if not error <= tolerance:
            raise GraphDiffers(
                f"the graph differs from the checkpoint by {error:.3g}, {how}; the tolerance is {tolerance:g}",
                "the exporter translated an operation wrongly, or fixed a value that depends on the input",
                "try another --onnx-opset, or --autocast False on a GPU; report it to NeMo with the model's class",
            )
    for frames, steps in comparison.frames:
        if abs(frames - steps * export.subsampling) > 2 * export.subsampling:
            raise GraphDiffers(
                f"the graph gives {steps} outputs for {frames} frames, expected one for each {export.subsampling}",
                "the encoder's own subsampling factor does not say what it does",
                "report it to NeMo with the model's class",
            )


def _origin(request: ExportRequest, digest: str, riva: RivaVersion) -> dict[str, Any]:
    """Where the archive comes from; neither places on this machine nor the key are told."""
    options = {name: value for name, value in to_mapping(request.options).items() if name not in _NOT_RECORDED}
    return {
        "input": {"name": request.source.name, "sha256": digest, "size": request.source.stat().st_size},
        "options": {**options, "export-config": list(request.options.export_config)},
        "options_set": sorted(request.given - _NOT_RECORDED),
        "riva_version": riva.version,
    }


def _validate(
    schema: Schema, described: dict[str, Any], attributes: dict[str, dict[str, Any]], checkpoint: NemoCheckpoint
) -> None:
    violations = list(schema.violations(described, attributes, checkpoint.config))
    if violations:
        raise SchemaViolated(
            f"the export does not fulfil {schema.path.name}: {'; '.join(violations)}",
            "the schema is for another class, or the checkpoint lacks something",
            "name the right --schema, or save the checkpoint again; nothing was written",
        )
