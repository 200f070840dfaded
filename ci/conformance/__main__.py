"""`riva-conformance --uri HOST:PORT`: judges a riva-speech server by what clients may rely on."""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ci.arguments import ArgumentParser
from ci.conformance.case import Suite, load_suites, select
from ci.conformance.declaration import Declaration
from ci.conformance.known import KnownFailures
from ci.conformance.outcome import Outcome
from pipelines.cli import run
from pipelines.errors import InternalError, UsageError
from pipelines.registry import rooms

if TYPE_CHECKING:
    from ci.conformance.evaluation import Evaluation
    from ci.conformance.reports import Report

__all__ = ["CASES_FAILED", "main"]

#: The server is wrong somewhere. Not an error of this program, so not one of the codes of the exception tree.
CASES_FAILED = 1

EPILOG = """\
patterns: `*` stands for any text between slashes, `**` for any number of components; a folder means all in it.
exit codes: 0 all fine; 1 cases failed; 64 usage; 69 no server answers; 70 the suite itself is wrong;
80 a case file or declaration is wrong; 81 the list of known failures is wrong; 82 the evaluation set is wrong."""


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="riva-conformance",
        description="Judges a riva-speech server by its gRPC address: ours, NVIDIA's, anybody's.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--uri", metavar="HOST:PORT", help="where the server listens")
    parser.add_argument("--evaluation", type=Path, metavar="DIR", help="folder with a NeMo manifest.json")
    parser.add_argument(
        "--declare",
        type=Path,
        metavar="PIPELINE.YAML",
        help="what the server must be; evaluation/ and known-failing.txt are found beside it",
    )
    tls = parser.add_argument_group("TLS, in the words of NVIDIA's client")
    tls.add_argument("--use-ssl", action="store_true", help="connect with TLS; implied by the other options")
    tls.add_argument("--ssl-root-cert", type=Path, metavar="PEM", help="certificate that signs the server's")
    tls.add_argument("--ssl-client-cert", type=Path, metavar="PEM", help="certificate of this client")
    tls.add_argument("--ssl-client-key", type=Path, metavar="PEM", help="key of this client")
    people = parser.add_argument_group("for people")
    people.add_argument("--run", action="append", default=[], metavar="PATTERN", help="only these cases (repeatable)")
    people.add_argument("--skip", action="append", default=[], metavar="PATTERN", help="not these cases (repeatable)")
    people.add_argument("--list", action="store_true", help="print the addresses and titles of the cases, call nothing")
    people.add_argument("--verbose", action="store_true", help="print tracebacks")
    ci = parser.add_argument_group("for CI")
    ci.add_argument("--known-failing", type=Path, metavar="FILE", help="cases that must keep failing, with reasons")
    ci.add_argument("--report", type=Path, metavar="DIR", help="write conformance.{json,xml,html} there")
    ci.add_argument("--facts", type=Path, metavar="FILE.json", help="facts of the stages before, shown in the report")
    ci.add_argument("--cases", type=Path, action="append", metavar="DIR", help="other case folders than the rooms' own")
    ci.add_argument("--title", default="", help="what the report is about (default: the address)")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    return run(_main, argv)


def _main(argv: list[str]) -> int:
    options = _parser().parse_args(argv)
    declaration = Declaration.read(options.declare) if options.declare else Declaration()
    everything = load_suites(options.cases or _rooms(declaration))
    known = _known(options)
    known.check(case.address for suite in everything for case in suite.cases)
    suites = select(everything, run=options.run, skip=options.skip)
    if options.list:
        for case in (case for suite in suites for case in suite.cases):
            print(f"{case.address}  {case.title}")
        return 0
    if not options.uri:
        raise UsageError("--uri is missing", fix="say where the server listens, for example --uri localhost:50051")

    from ci.conformance.reports import terminal, write_reports

    report = _judge(options, declaration, suites, known)
    terminal.show(report)
    if options.report:
        for path in write_reports(report, options.report):
            print(f"wrote {path}", file=sys.stderr)
    return {Outcome.FAIL: CASES_FAILED, Outcome.ERROR: InternalError.exit_code}.get(report.tree.outcome, 0)


def _known(options: argparse.Namespace) -> KnownFailures:
    path = options.known_failing
    if path is None and options.declare:
        beside = options.declare.with_name("known-failing.txt")
        path = beside if beside.is_file() else None
    return KnownFailures.read(path) if path else KnownFailures()


def _rooms(declaration: Declaration) -> Iterator[Path]:
    """The cases of the pipelines that are declared, or of all."""
    for pipeline in rooms():
        if declaration.pipelines is None or pipeline.name in declaration.pipelines:
            yield pipeline.cases


def _evaluation(options: argparse.Namespace, declaration: Declaration) -> "Evaluation":
    from ci.conformance.evaluation import Evaluation, read_evaluation

    if options.evaluation:
        return read_evaluation(options.evaluation)
    folders = [folder / "evaluation" for folder in declaration.folders]
    # declared accuracy is never skipped
    return sum((read_evaluation(each) for each in folders if each.is_dir() or declaration.limits), Evaluation())


def _judge(
    options: argparse.Namespace, declaration: Declaration, suites: tuple[Suite, ...], known: KnownFailures
) -> "Report":
    from ci.conformance.reports import Report, read_facts
    from ci.conformance.run import run_suites
    from ci.conformance.server import Connection, Tls
    from pipelines.progress import progress

    evaluation = _evaluation(options, declaration)
    facts = read_facts(options.facts) if options.facts else {}
    files = (options.ssl_root_cert, options.ssl_client_cert, options.ssl_client_key)
    tls = Tls(*files) if options.use_ssl or any(files) else None

    async def judge(connection: Connection) -> Report:
        with progress("Conformance", sum(len(suite.cases) for suite in suites)) as bar:
            run = await run_suites(
                suites,
                connection,
                declaration=declaration,
                evaluation=evaluation,
                known=known,
                on_result=lambda result: bar.advance(1),
            )
        about = {suite.address: suite.about for suite in suites}
        return Report(run, title=options.title or options.uri, about=about, facts=facts)

    with Connection(options.uri, tls) as connection:
        return asyncio.run(judge(connection))


if __name__ == "__main__":
    sys.exit(main())
