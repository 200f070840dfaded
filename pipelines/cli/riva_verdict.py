"""`riva-verdict CHECKPOINT ...`: says, without executing anything in them, whether checkpoints can be served."""

import sys
from dataclasses import dataclass
from pathlib import Path

from pipelines.cli import run
from pipelines.cli.command_line import CommandLine, Positional
from pipelines.verdict.findings import worst
from pipelines.verdict.verdict import Verdict, judge

__all__ = ["main"]


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
    """The command; exits with the code of the worst outcome: 0 works, 1 does not, 2 unsafe, 3 unreadable, 4 unknown."""
    return run(_main, argv)


def _main(argv: list[str]) -> int:
    verdicts = [judge(Path(path)) for path in COMMAND.parse(argv).words["CHECKPOINT"]]
    print("\n".join(map(_describe, verdicts)))
    return worst(verdict.outcome for verdict in verdicts).exit_code


def _describe(verdict: Verdict) -> str:
    if not verdict.findings:
        return f"{verdict.path}: can be exported ({verdict.obj_cls}, saved by NeMo {verdict.nemo_version or 'unknown'})"
    lines = [f"{verdict.path}: refused"]
    for finding in verdict.findings:
        lines.append(f"  [{finding.rule.id}] {finding.what}")
        lines += [f"    {name}: {text}" for name, text in (("why", finding.why), ("fix", finding.fix)) if text]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
