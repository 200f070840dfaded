"""`nox -s advisories`: the published advisories about our pins, from OSV and from the compatibility table."""

import sys
from collections.abc import Sequence
from datetime import date

from ci import github
from ci.advisories.findings import WAIVERS, Accepted, Finding, from_osv, from_table, read_waivers
from ci.advisories.osv import API, Osv
from ci.advisories.pins import find_pins
from ci.arguments import ArgumentParser
from ci.environments import ROOT
from pipelines.cli import run
from pipelines.errors import WaiverNeeded

__all__ = ["check", "main"]


def main(argv: list[str] | None = None) -> int:
    """The command; returns the exit code: that of `WaiverNeeded` if an advisory is not accepted."""
    return run(_main, argv)


def _main(argv: list[str]) -> int:
    parser = ArgumentParser(prog="nox -s advisories --", description="Asks for the advisories about our pins.")
    parser.add_argument("--database", default=API, metavar="URL", help="address of OSV (default: %(default)s)")
    parser.add_argument("--verbose", action="store_true", help="print tracebacks")
    options = parser.parse_args(argv)
    with github.annotated("advisories"):
        waivers, pins = read_waivers(), find_pins(ROOT)
        findings = _once([*from_table(pins), *from_osv(pins, Osv(options.database))])
        lines = check(findings, waivers, today=date.today())
    for line in lines:
        print(line)
    print(f"{len(pins)} pins, {len(findings)} published advisories, none that is not accepted for a while")
    return 0


def check(findings: Sequence[Finding], waivers: Sequence[Accepted], *, today: date) -> list[str]:
    """A line for each finding that is accepted, and for each waiver that is of no use any more.

    Raises:
        WaiverNeeded: A finding has no waiver, or only such as have expired. The message lists them, the worst first.
    """
    refused, lines = [], []
    for finding in sorted(findings, key=lambda each: each.rank):
        last = max((each for each in waivers if each.covers(finding)), key=lambda each: each.expires, default=None)
        if last is None:
            refused.append(f"{finding}: no waiver")
        elif today > last.expires:
            refused.append(f"{finding}: its waiver expired on {last.expires}")
        else:
            lines.append(f"{finding}: waived until {last.expires}: {last.reason}")
    if refused:
        raise WaiverNeeded(
            f"{len(refused)} published advisories about what this repository pins are not accepted",
            "\n".join(refused),
            "raise the pins (./scripts/nox -s lock -- --upgrade); where nothing is fixed, or it is no concern,\n"
            f"add to {WAIVERS.relative_to(ROOT)}, for each:\n"
            f"  - {{advisory: {refused[0].split(' ')[0]}, expires: YYYY-MM-DD, reason: why that is acceptable}}",
        )
    unused = [each for each in waivers if not any(each.covers(finding) for finding in findings)]
    return lines + [f"the waiver for {each.subject} covers nothing; it can go" for each in unused]


def _once(findings: Sequence[Finding]) -> list[Finding]:
    """Leaves out what OSV repeats of the table."""
    kept: list[Finding] = []
    for finding in findings:
        if not any(finding.pin == each.pin and finding.names & each.names for each in kept):
            kept.append(finding)
    return kept


if __name__ == "__main__":
    sys.exit(main())
