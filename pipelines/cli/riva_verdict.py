"""`riva-verdict CHECKPOINT ...`: says, without executing anything in them, whether checkpoints can be served."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.cli import run
from pipelines.cli.command_line import CommandLine, Positional
from pipelines.cli.flags import flag
from pipelines.compatibility import DEFAULT_VERSION, riva_versions
from pipelines.errors import UsageError
from pipelines.outputs import atomic_file
from pipelines.registry import load_pipeline
from pipelines.sizes import read_size
from pipelines.verdict.compatibility import TARGETS
from pipelines.verdict.declaration import Declaration
from pipelines.verdict.findings import Outcome, worst
from pipelines.verdict.needs import Capacity
from pipelines.verdict.reports.catalogue import explain_rule, list_rules
from pipelines.verdict.verdict import Verdict, judge

__all__ = ["main"]

ALL, ANY, HERE = "all", "any", "here"
_WIDTH = 120  # of the table without a terminal


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `riva-verdict` is asked."""

    riva_version: str | None = flag(
        None,
        f"the Riva versions that decide about the outcome, or `{ALL}`; what pipeline.yaml says if not given, else "
        f"{DEFAULT_VERSION}",
        name="riva-version",
        metavar="V[,V...]",
    )
    target: str | None = flag(
        None,
        f"the targets that decide about the outcome ({', '.join(TARGETS)}), or `{ALL}`; what pipeline.yaml says if not "
        f"given, else {TARGETS[0]}",
        metavar="T[,T...]",
    )
    pipeline: str | None = flag(None, "the pipeline of riva-build that it is meant for", metavar="NAME")
    declaration: Path | None = flag(
        None, "the pipeline.yaml that declares it; the one beside it if not given", metavar="FILE"
    )
    evaluation: Path | None = flag(
        None, "check this folder of utterances or texts as well, which it will be judged on", metavar="FOLDER"
    )
    memory: str = flag(
        HERE,
        f"memory of the machine that will do the work, such as 16GB, or `{ANY}`; `{HERE}` is this one's free memory",
        metavar="SIZE",
    )
    disk: str = flag(HERE, f"free disk of that machine, such as 100GB, or `{ANY}`", metavar="SIZE")
    scan_weights: bool = flag(
        False, "look at every weight for NaN and infinity: takes as long as reading the file", name="scan-weights"
    )
    l4t: str = flag(
        HERE, f"line of Jetson Linux of that machine, such as 36.3, or `{ANY}`; `{HERE}` asks this one", metavar="LINE"
    )
    json: bool = flag(False, "print the verdict as JSON")
    sarif: bool = flag(False, "print it as SARIF 2.1.0, for code scanning")
    markdown: bool = flag(False, "print it as Markdown, for a CI summary")
    report: Path | None = flag(None, "write it into this folder as well, in every form", metavar="FOLDER")
    rules: bool = flag(False, "print the list of rules and do nothing else")
    explain: str | None = flag(None, "print what a rule asks for, why, and what to do", metavar="RULE")
    verbose: bool = flag(False, "print the traceback of an error")


COMMAND = CommandLine(
    "riva-verdict",
    "Reads NeMo checkpoints without executing anything in them and says whether they are safe, and where they work.",
    Options,
    (Positional("CHECKPOINT", "a .nemo file", many=True, optional=True),),
    epilog="Exit codes: "
    + ", ".join(f"{each.exit_code} {each.text}" for each in sorted(Outcome, key=lambda each: each.exit_code))
    + ", 64 wrong usage, 70 internal error. Of several checkpoints the worst decides.",
)


def main(argv: list[str] | None = None) -> int:
    """The command; returns the exit code of the worst outcome."""
    return run(_main, argv)


def _main(argv: list[str]) -> int:
    parsed = COMMAND.parse(argv)
    options, paths = parsed.options, [Path(word) for word in parsed.words["CHECKPOINT"]]
    if options.rules or options.explain is not None:
        print(list_rules() if options.explain is None else explain_rule(options.explain))
        return 0
    if not paths:
        raise UsageError("no CHECKPOINT was named", fix="`riva-verdict --help` shows how it is called")
    if sum((options.json, options.sarif, options.markdown)) > 1:
        raise UsageError("--json, --sarif and --markdown exclude each other", fix="--report=FOLDER writes all of them")
    if options.pipeline:
        load_pipeline(options.pipeline)
    verdicts = [_judge(path, options) for path in paths]
    print(_printed(verdicts, options), end="")
    if options.report is not None:
        for form, text in FORMS.items():
            with atomic_file(options.report / f"verdict.{form}", force=True) as partial:
                partial.write_text(text(verdicts), encoding="utf-8")
    return worst(verdict.outcome for verdict in verdicts).exit_code


def _judge(path: Path, options: Options) -> Verdict:
    here = Capacity.here(Path.cwd())
    return judge(
        path,
        riva_versions=_chosen(options.riva_version, riva_versions()),
        targets=_chosen(options.target, TARGETS),
        pipeline=options.pipeline or "",
        declaration=Declaration.read(options.declaration) if options.declaration else None,
        capacity=Capacity(
            memory=_size(options.memory, here.memory),
            disk=_size(options.disk, here.disk),
            l4t=_line(options.l4t, here.l4t),
        ),
        evaluation=options.evaluation,
        scan_weights=options.scan_weights,
    )


def _chosen(words: str | None, known: Iterable[str]) -> tuple[str, ...]:
    return tuple(known) if words == ALL else tuple(word for word in (words or "").split(",") if word)


def _line(text: str, here: str) -> str:
    if text in (HERE, ANY):
        return here if text == HERE else ""
    if not re.fullmatch(r"\d+\.\d+(\.\d+)*", text):
        raise UsageError(f"--l4t {text}: not a line of Jetson Linux", fix="give one such as 36.3")
    return text


def _size(text: str, here: int | None) -> int | None:
    return here if text == HERE else None if text == ANY else read_size(text)


def _as_table(verdicts: Sequence[Verdict]) -> str:
    """As people read it; with colours and the terminal's width where there is one."""
    from rich.console import Console

    from pipelines.verdict.reports.table import show

    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    with console.capture() as captured:
        for verdict in verdicts:
            show(verdict, console)
    return captured.get()


def _as_json(verdicts: Sequence[Verdict]) -> str:
    from pipelines.verdict.reports.document import as_document

    return json.dumps(as_document(verdicts), indent=2, ensure_ascii=False) + "\n"


def _as_sarif(verdicts: Sequence[Verdict]) -> str:
    from pipelines.verdict.reports.sarif import as_sarif

    return json.dumps(as_sarif(verdicts), indent=2, ensure_ascii=False) + "\n"


def _as_markdown(verdicts: Sequence[Verdict]) -> str:
    from pipelines.verdict.reports.summary import as_markdown

    return as_markdown(verdicts)


FORMS: dict[str, Callable[[Sequence[Verdict]], str]] = {"json": _as_json, "sarif": _as_sarif, "md": _as_markdown}


def _printed(verdicts: Sequence[Verdict], options: Options) -> str:
    if options.json:
        return _as_json(verdicts)
    if options.sarif:
        return _as_sarif(verdicts)
    return _as_markdown(verdicts) if options.markdown else _as_table(verdicts)


if __name__ == "__main__":
    sys.exit(main())
