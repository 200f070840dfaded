"""`riva-doctor`: says what would fail on this machine, before a job does."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ci.doctor.findings import worst
from ci.doctor.job import Job
from pipelines.cli import run
from pipelines.cli.command_line import CommandLine
from pipelines.cli.flags import flag
from pipelines.compatibility import riva_version
from pipelines.errors import UsageError
from pipelines.outputs import atomic_file
from pipelines.verdict.compatibility import CPU

__all__ = ["main"]

_WIDTH = 120  # of the table without a terminal
_FILE = "ci/targets.yaml"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `riva-doctor` is asked."""

    target: Literal["cpu", "x86-gpu", "jetson"] = flag("cpu", f"what the jobs compute on; {_FILE} says the rest")
    riva_version: str | None = flag(
        None, f"the Riva version of the jobs, not {_FILE}'s", name="riva-version", metavar="V"
    )
    runtime: Literal["local", "container"] | None = flag(None, f"where their stages run, not what {_FILE} says")
    image_prefix: str | None = flag(
        None,
        f"take the images that have this before their name, not {_FILE}'s; nothing after the = is NVIDIA's",
        name="image-prefix",
        metavar="PREFIX",
    )
    labels: str | None = flag(
        None, f"labels of this runner, not {_FILE}'s; they are compared with the host", metavar="L[,L...]"
    )
    offline: bool = flag(False, "do not ask NGC")
    json: bool = flag(False, "print the report as JSON")
    report: Path | None = flag(
        None, "write it into this folder as well, as doctor.json and doctor.md", metavar="FOLDER"
    )
    verbose: bool = flag(False, "print the traceback of an error")


COMMAND = CommandLine(
    "riva-doctor",
    "Looks at this machine and says what would fail in a job, with what to do. Changes nothing, and needs no root.",
    Options,
    epilog="Exit codes: 0 nothing that was seen makes a job fail, 1 something does, 64 wrong usage, 70 internal error.",
)


def main(argv: list[str] | None = None) -> int:
    """The command; returns the exit code of the worst finding."""
    return run(_main, argv)


def _main(argv: list[str]) -> int:
    options = COMMAND.parse(argv).options
    job = _job(options)

    from ci.doctor import reports
    from ci.doctor.checks import check
    from ci.doctor.observe import observe
    from ci.doctor.probe import ThisMachine

    host = observe(ThisMachine(), job, folder=str(Path.cwd()))
    findings = list(check(host, job))
    document = json.dumps(reports.as_document(findings, host, job), indent=2) + "\n"
    if options.json:
        print(document, end="")
    else:
        from rich.console import Console

        reports.show(findings, job, Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False))
    if options.report is not None:
        for name, text in (("doctor.json", document), ("doctor.md", reports.as_markdown(findings, job))):
            with atomic_file(options.report / name, force=True) as partial:
                partial.write_text(text, encoding="utf-8")
    reports.annotate(findings, job)
    return worst(findings).exit_code


def _job(options: Options) -> Job:
    """The job that the flags describe; what they leave out stands in targets.yaml."""
    from ci.targets import Target, Targets

    targets = Targets.read()
    absent = Target(name=options.target, runs_on=(), runtime="container")  # a fork need not list them all
    target = targets.by_name.get(options.target, absent)
    runtime = options.runtime or ("container" if options.image_prefix else target.runtime)
    labels = options.labels.split(",") if options.labels is not None else _labels(target.runs_on)
    prefix = target.image_prefix if options.image_prefix is None else options.image_prefix
    if runtime == "local" and options.image_prefix:
        raise UsageError("--image-prefix is for containers", fix="leave --runtime local out")
    if runtime == "local" and options.target != CPU:
        raise UsageError(
            f"runtime local is for target {CPU}, not for {options.target}",
            fix=f"leave --runtime out, or correct {_FILE}",
        )
    if runtime == "container" and options.target == CPU and not prefix:
        raise UsageError(
            f"NVIDIA has no images for target {CPU}",
            fix="name those of this repository, such as --image-prefix riva-ci, or leave --runtime out",
        )
    return Job(
        riva=riva_version(options.riva_version or targets.riva_version),
        target=options.target,
        runtime=runtime,
        image_prefix=prefix.rstrip("/") if runtime == "container" else "",
        labels=tuple(label.strip() for label in labels if label.strip()),
        online=not options.offline,
    )


def _labels(runs_on: Sequence[str]) -> Sequence[str]:
    """Labels that somebody gave a runner; those of GitHub's own say nothing about this machine."""
    return runs_on if "self-hosted" in runs_on else ()


if __name__ == "__main__":
    sys.exit(main())
