"""`nemo2riva [options] source`: the command line of the export stage, with the options of nemo2riva 2.16."""

import sys
from pathlib import Path

from pipelines.cli import run
from pipelines.cli.command_line import CommandLine, Positional
from pipelines.export.options import ExportOptions
from pipelines.stages.export import ExportRequest, export_riva

__all__ = ["main"]

COMMAND = CommandLine(
    "nemo2riva",
    "Converts a NeMo checkpoint to a .riva archive, after comparing the exported network with the checkpoint.",
    ExportOptions,
    (Positional("source", "the .nemo file"),),
)


def main(argv: list[str] | None = None) -> int:
    """Runs nemo2riva; returns the exit code."""
    return run(_main, argv)


def _main(argv: list[str]) -> int:
    parsed = COMMAND.parse(argv)
    (source,) = parsed.words["source"]
    request = ExportRequest(source=Path(source), options=parsed.options, given=parsed.given)
    result = export_riva(request, _say)
    for note in result.notes:
        _say(f"note: {note}")
    error, tolerance = result.facts["max_error"], result.facts["tolerance"]
    _say(f"Compared with the checkpoint: largest difference {error:.2g} (tolerance {tolerance:g})")
    if parsed.options.validate:
        _say(f"Exported model at {result.output} is compliant with Riva")
    print(f"Model saved to {result.output} ({result.output.stat().st_size:,} bytes)")
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
