"""`riva-build <pipeline> OUT.rmir[:key] IN.riva[:key] ... [options]`: the command line of the build stage."""

import difflib
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from pipelines.archive.encrypted_path import EncryptedPath, key_warnings, without_key
from pipelines.build_options import notes, refusals
from pipelines.cli import run
from pipelines.cli.command_line import CommandLine, Positional
from pipelines.cli.flags import flag, flags_of, spell, value_of
from pipelines.contract import Pipeline
from pipelines.errors import UsageError
from pipelines.registry import ALL_PIPELINES, load_pipeline
from pipelines.stages.build import BuildRequest, build_rmir, settled_options

__all__ = ["command_line", "main"]

_OUT = Positional("OUT.rmir[:key]", "the RMIR to write; encrypted if a key (the text or a file that holds it) is given")
_IN = Positional("IN.riva[:key]", "archives made by nemo2riva, acoustic model first", many=True)


@dataclass(frozen=True, kw_only=True)
class ToolFlags:
    """Flags of riva-build itself, whatever the pipeline."""

    force: bool = flag(False, "replace OUT.rmir if it exists", short="-f")
    print_config: bool = flag(
        False,
        "print each option, its value and where it comes from (default, derived from mode and model, user), and stop",
        name="print-config",
    )
    verbose: bool = flag(False, "print the traceback of an error")


def main(argv: list[str] | None = None) -> int:
    """Runs riva-build; returns the exit code."""
    return run(_build, argv)


def command_line(pipeline: Pipeline[Any]) -> CommandLine[Any]:
    """The command line of one pipeline, without the pipeline's name."""
    return CommandLine(
        f"riva-build {pipeline.name}",
        f"Builds an RMIR for {pipeline.serves}. Marked options: [ignored] has no effect on the open runtime; "
        "[refused] is recorded, and refused by riva-deploy when set.",
        pipeline.options,
        [_OUT, _IN],
        also=[ToolFlags],
        groups=pipeline.components,
    )


def _build(argv: list[str]) -> int:
    name, rest = _split(argv)
    pipeline = load_pipeline(name)
    parsed = command_line(pipeline).parse(rest)
    tool = parsed.read(ToolFlags)
    request = BuildRequest(
        pipeline=pipeline,
        output=EncryptedPath.parse(*parsed.words[_OUT.metavar]),
        inputs=tuple(map(EncryptedPath.parse, parsed.words[_IN.metavar])),
        options=parsed.options,
        given=parsed.given & {option.name for option in flags_of(pipeline.options)},
        force=tool.force,
    )
    for warning in _warnings(request):
        print(f"warning: {warning}", file=sys.stderr)
    if tool.print_config:
        _print_config(settled_options(request), request.given)
        return 0
    options = build_rmir(request)
    for note in notes(options, request.given):
        print(f"note: {note}", file=sys.stderr)
    for refusal in refusals(options):
        print(f"warning: riva-deploy will refuse this RMIR: {refusal}", file=sys.stderr)
    print(f"RMIR saved to {request.output.path} ({request.output.path.stat().st_size:,} bytes)")
    return 0


def _warnings(request: BuildRequest) -> Iterator[str]:
    output, inputs = request.output, request.inputs
    yield from key_warnings(output.key, *(riva.key for riva in inputs))
    opened = [str(riva.path) for riva in inputs if riva.key is not None]
    if opened and output.key is None:
        yield (
            f"{output.path} is not encrypted, although {', '.join(opened)} came with a key: "
            f"write {output.path}:KEY, or set RIVA_KEY_FILE"
        )


def _split(argv: list[str]) -> tuple[str, list[str]]:
    """Takes the pipeline, the first word that is not a flag, out of the arguments."""
    place = next((n for n, word in enumerate(argv) if not word.startswith("-")), None)
    if place is None:
        names = ", ".join(name if room else f"{name} (not yet)" for name, room in ALL_PIPELINES.items())
        pipeline = Positional("PIPELINE", f"one of {names}; `riva-build PIPELINE --help` lists its options")
        CommandLine("riva-build", "Builds an RMIR from .riva archives.", ToolFlags, [pipeline, _OUT, _IN]).parse(argv)
        raise UsageError("no pipeline is named", fix=f"name one of {', '.join(ALL_PIPELINES)}")
    if argv[place] not in ALL_PIPELINES:
        near = difflib.get_close_matches(argv[place], ALL_PIPELINES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"there is no pipeline {without_key(argv[place])!r}",
            fix=f"{hint}the first word is one of {', '.join(ALL_PIPELINES)}",
        )
    return argv[place], argv[:place] + argv[place + 1 :]


def _print_config(options: object, given: Collection[str]) -> None:
    rows = []
    for option in flags_of(type(options)):
        value = value_of(options, option)
        source = "user" if option.name in given else "default" if value == option.default else "derived"
        rows.append((f"--{option.name}={spell(value)}", source))
    width = max(len(setting) for setting, _ in rows)
    for setting, source in rows:
        print(f"{setting:{width}}  {source}")


if __name__ == "__main__":
    sys.exit(main())
