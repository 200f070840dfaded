"""The options of nemo2riva, each declared once. Names, types and defaults: nemo2riva 2.16, args.py."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.cli.flags import flag
from pipelines.compatibility import DEFAULT_VERSION

__all__ = ["ExportOptions"]


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What the export is asked to do; None means that the schema or the machine decides."""

    out: Path | None = flag(
        None, "file to write; its extension is always replaced by .riva; beside the source if not given"
    )
    validate: bool = flag(
        False, "check the archive against its schema, and refuse a NeMo older than the schema asks for"
    )
    runtime_check: bool = flag(
        False, "accepted: the comparison with ONNX Runtime that it asks for always runs", name="runtime-check"
    )
    schema: Path | None = flag(None, "schema to use instead of the one of the model's class", metavar="FILE")
    format: str | None = flag(None, "form of the network; ONNX is the only one that is served here")
    verbose: str | None = flag(None, "level of NeMo's log, for example DEBUG; shows that log", metavar="LEVEL")
    key: str | None = flag(
        None, "encrypt the network with this key: the text, or a file that holds it", metavar="KEY", secret=True
    )
    autocast: bool | None = flag(None, "trace in half precision, or not, whatever the schema says; GPU only")
    max_batch: int | None = flag(None, "batch size of the example that is traced", name="max-batch")
    max_dim: int | None = flag(None, "frames of the example that is traced", name="max-dim", metavar="FRAMES")
    onnx_opset: int = flag(16, "ONNX opset", name="onnx-opset")
    device: str | None = flag(None, "where to trace: cuda if there is one, else cpu")
    export_subnet: str | None = flag(
        None,
        "export this part of the model alone; -NAME is added to the output's name",
        name="export-subnet",
        metavar="NAME",
    )
    cache_support: bool | None = flag(None, "deprecated; only False is accepted", name="cache-support")
    export_config: tuple[str, ...] = flag(
        (),
        "entries for the model's export configuration",
        name="export-config",
        metavar="KEY=VALUE",
        aliases=("export_config",),
    )
    riva_version: str = flag(
        DEFAULT_VERSION, "Riva that must be able to load the network (not in upstream)", name="riva-version"
    )
    memory_limit: str | None = flag(
        None,
        "most memory for each process of the export, such as 16GB; by default what its size lets expect, with room "
        "(not in upstream)",
        name="memory-limit",
        metavar="SIZE",
    )
    time_limit: int = flag(
        14400,
        "seconds after which a process of the export is given up (not in upstream)",
        name="time-limit",
        metavar="SECONDS",
    )
    force: bool = flag(False, "replace an existing output (not in upstream)", short="-f")
