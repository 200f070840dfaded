"""How a checkpoint is exported: its schema, and what the options change about it. Refuses what cannot be done."""

import os
from dataclasses import replace

from pipelines.archive.encrypted_path import key_of_environment
from pipelines.archive.schema import Export, Schema
from pipelines.compatibility import RivaVersion
from pipelines.errors import UsageError
from pipelines.export.options import ExportOptions
from pipelines.sizes import read_size
from pipelines.verdict.compatibility import check_graph
from pipelines.verdict.needs import Needs

__all__ = ["check_options", "export_config", "memory_limit", "recipe_of"]

_TIMES = 2
_MAPPED = 2 << 30  # libraries of NeMo and torch
_FOR_A_CORE = 256 << 20  # stacks and allocators' pools of its threads

_LOG_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")
_FORMATS = ("ONNX", "CKPT", "TS", "NEMO")


def check_options(options: ExportOptions, riva: RivaVersion) -> None:
    """Refuses values that no checkpoint can be exported with, in upstream's words where it has some.

    Raises:
        UsageError: A value is unknown, impossible or not supported here.
        GraphTooNew: The chosen Riva version cannot load the opset.
    """
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
    for finding in check_graph(riva, opset=options.onnx_opset):  # known before the long work
        raise finding.as_error()
    for name, value in (
        ("max-batch", options.max_batch),
        ("max-dim", options.max_dim),
        ("time-limit", options.time_limit),
    ):
        if value is not None and value < 1:
            raise UsageError(f"--{name} {value}: expected at least 1")
    export_config(options)
    if options.memory_limit is not None:
        read_size(options.memory_limit)


def export_config(options: ExportOptions) -> dict[str, str]:
    """Returns the entries of `--export-config`.

    Raises:
        UsageError: An entry is not KEY=VALUE.
    """
    pairs = [entry.split("=") for entry in options.export_config]
    if any(len(pair) != 2 for pair in pairs):
        raise UsageError("Use correct format for --export_config: k=v", fix="give KEY=VALUE, with exactly one `=`")
    return {name: value for name, value in pairs}  # noqa: C416 (mypy cannot see pairs in lists)


def memory_limit(options: ExportOptions, needs: Needs | None) -> int:
    """Returns the bytes of memory that each process of the export may have.

    Without `--memory-limit` it follows from what the model should need: that is an estimate of memory in use, and a
    process also maps libraries and reserves room for its threads. Nothing is known about examples of a chosen size, nor
    about a model whose weights were not counted: those may have what the machine has.

    Raises:
        UsageError: `--memory-limit` is not a size.
    """
    if options.memory_limit is not None:
        return read_size(options.memory_limit)
    if needs is None or options.max_batch is not None or options.max_dim is not None:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return _TIMES * needs.export_memory + _MAPPED + _FOR_A_CORE * (os.cpu_count() or 1)


def recipe_of(schema: Schema, options: ExportOptions) -> Export:
    """Returns how the one graph is exported.

    Raises:
        UsageError: The schema asks for something else than one ONNX graph, or contradicts the options.
    """
    recipe, *more = schema.exports
    if more or not recipe.name.endswith(".onnx"):
        names = ", ".join(export.name for export in schema.exports)
        raise UsageError(f"{schema.path} asks for {names}; one ONNX file is exported here")
    if recipe.subnet not in (None, "self") and options.export_subnet:
        raise UsageError("Can't combine schema's export_subnet and export-subnet argument!")
    if recipe.encryption and options.key is None and key_of_environment() is None:
        fix = "give --key, or set RIVA_KEY_FILE"
        raise UsageError(f"{recipe.name} requires encryption and no key was given", fix=fix)
    subnet = options.export_subnet or recipe.subnet
    return replace(
        recipe,
        subnet=None if subnet == "self" else subnet,
        autocast=recipe.autocast if options.autocast is None else options.autocast,
        max_dim=recipe.max_dim if options.max_dim is None else options.max_dim,
    )
