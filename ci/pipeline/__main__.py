"""`nox -s pipeline -- [NAME ...]`: the checkpoints named, or all, through every stage; then what came of it."""

import argparse
import json
import sys
from pathlib import Path

from ci import github
from ci.arguments import ArgumentParser
from ci.environments import ROOT
from ci.errors import StageFailed
from ci.pipeline.checkpoint import find_checkpoints
from ci.pipeline.display import Row, as_markdown, show_table
from ci.pipeline.run import run_checkpoint
from ci.pipeline.runtimes import Runtimes, add_runtime_options, runtimes_chosen
from ci.pipeline.stages import BUILD, STAGES
from ci.pipeline.verdict import REPORT, show_verdict
from pipelines.cli import explain, run
from pipelines.errors import RivaError

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """The command; returns the exit code: 0, or that of the first checkpoint that failed."""
    return run(_main, argv)


def _main(argv: list[str]) -> int:
    parser = ArgumentParser(prog="nox -s pipeline --", description="Takes checkpoints through every stage.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="folders of checkpoints/ (default: all)")
    parser.add_argument("--until", choices=STAGES, default=STAGES[-1], help="the last stage (default: %(default)s)")
    parser.add_argument(
        "--from",
        dest="since",
        choices=STAGES,
        default=STAGES[0],
        metavar="STAGE",
        help="the first stage that runs; the outputs of those before it were made elsewhere (default: %(default)s)",
    )
    parser.add_argument("--target", help="what the engines are built for (default: the first of pipeline.yaml)")
    add_runtime_options(parser)
    parser.add_argument("--verbose", action="store_true", help="print tracebacks")
    options = parser.parse_args(argv)
    runtimes = runtimes_chosen(options)
    codes = [_take(folder, options, runtimes) for folder in find_checkpoints(options.names)]
    return next((code for code in codes if code != 0), 0)


def _take(folder: Path, options: argparse.Namespace, runtimes: Runtimes) -> int:
    """Takes one checkpoint as far as it goes, so that a broken one does not stop the others."""
    rows: list[Row] = []
    failure: RivaError | None = None
    try:
        run_checkpoint(
            folder,
            until=options.until,
            on_row=rows.append,
            since=options.since,
            target=options.target,
            runtimes=runtimes,
        )
    except RivaError as error:
        if options.verbose:
            raise
        failure = error
    title = folder.name
    if rows:
        show_table(title, rows)
        github.summarise(as_markdown(title, rows))
    if (BUILD / title / REPORT).is_dir() and (rows or isinstance(failure, StageFailed)):
        show_verdict(BUILD / title, whole=options.until == "verdict" and failure is None)
    if any(row.stage == "conformance" for row in rows):
        print(_conformance(folder.name))
    if failure is not None:
        print(f"{title}: failed", flush=True)
        print(explain(failure), file=sys.stderr)
        github.annotate(failure, title=title)
        return failure.exit_code
    return 0


def _conformance(name: str) -> str:
    """The result of the judgement, with what was measured, from its report."""
    report = BUILD / name / "report" / "conformance.json"
    result = json.loads(report.read_text(encoding="utf-8"))
    counts = ", ".join(f"{count} {outcome}" for outcome, count in result["counts"].items() if count)
    measured = [f"  {what}: {value}" for what, value in result["measured"].items()]
    page = report.with_suffix(".html").relative_to(ROOT)
    return "\n".join([f"{name}: conformance: {result['outcome']} ({counts}); {page}", *measured])


if __name__ == "__main__":
    sys.exit(main())
