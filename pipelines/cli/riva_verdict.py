"""`riva-verdict CHECKPOINT ...`: says, without executing anything in them, whether checkpoints can be served."""

import sys
from dataclasses import dataclass
from pathlib import Path

from pipelines.cli import run
from pipelines.cli.command_line import CommandLine, Positional
from pipelines.verdict import Verdict, judge

__all__ = ["main"]

REFUSED = 1  # findings are not errors of this program: no error class has this exit code


@dataclass(frozen=True, kw_only=True)
class Options:
    """`riva-verdict` has no options yet."""


COMMAND = CommandLine(
    "riva-verdict",
    "Reads NeMo checkpoints without executing anything in them and says whether they can become a Riva release.",
    Options,
    (Positional("CHECKPOINT", "a .nemo file", many=True),),
)


def main(argv: list[str] | None = None) -> int:
    """The command; exits with 0 if every checkpoint can be used, 1 if there are findings."""
    return run(_main, argv)


def _main(argv: list[str]) -> int:
    verdicts = [judge(Path(path)) for path in COMMAND.parse(argv).words["CHECKPOINT"]]
    print("\n".join(map(_describe, verdicts)))
    return REFUSED if any(verdict.findings for verdict in verdicts) else 0


def _describe(verdict: Verdict) -> str:
    if not verdict.findings:
        return f"{verdict.path}: can be exported ({verdict.obj_cls}, saved by NeMo {verdict.nemo_version or 'unknown'})"
    lines = [f"{verdict.path}: refused"]
    for finding in verdict.findings:
        lines.append(f"  [{finding.rule}] {finding.what}")
        lines += [f"    {name}: {text}" for name, text in (("why", finding.why), ("fix", finding.fix)) if text]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
