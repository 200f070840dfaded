"""`nox -s plan`: which checkpoints a run exports, and on which targets each is built, served and judged.

    python -m ci.matrix --base origin/main           # what differs from there
    python -m ci.matrix --judged-branch main         # what differs from the last push to main that was judged well
    python -m ci.matrix --all

Sets outputs of the step: `export` and `judge` (matrices for `fromJSON`), `any`, `self-hosted` and `code` (`true` or
`false`), and `baseline` (the run whose reports a pull request is compared with; empty if there is none).
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ci import github
from ci.arguments import ArgumentParser
from ci.changes import Change, affected, changed_paths
from ci.checked_yaml import load_checked
from ci.environments import ROOT
from ci.errors import BadYaml, TooManyJobs, UnknownCheckpoint
from ci.github_api import GitHub, Run
from ci.pipeline.checkpoint import SCHEMA, find_checkpoints
from ci.targets import CPU, Target, Targets
from pipelines.cli import run

__all__ = ["Declared", "Export", "Lane", "Plan", "Skip", "declarations", "main", "plan"]

MAX_JOBS = 256
"""Of a matrix, see https://docs.github.com/en/actions/reference/limits"""

JUDGING = "push.yml"
"""The workflow whose runs judge a branch; those of pushes do, one by hand may have taken a few checkpoints only."""


@dataclass(frozen=True)
class Declared:
    """What a checkpoint's pipeline.yaml says about jobs.

    Attributes:
        targets: What it is to be judged on.
        companions: The checkpoints that the same server serves.
    """

    targets: tuple[str, ...] = (CPU,)
    companions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Export:
    """One checkpoint exported by one tool.

    Attributes:
        checkpoint: Its name.
        image: The image that exports it; empty for this repository's own export.
    """

    checkpoint: str
    image: str = ""

    @property
    def artifact(self) -> str:
        """The name under which the export is handed over."""
        return f"export-{self.checkpoint}{'-nvidia' if self.image else ''}"

    def as_json(self) -> dict[str, Any]:
        """An entry of the matrix."""
        return {"checkpoint": self.checkpoint, "image": self.image, "artifact": self.artifact}


@dataclass(frozen=True)
class Lane:
    """One checkpoint on one target.

    Attributes:
        checkpoint: Its name.
        target: The target.
        exports: What has to be exported before: the checkpoint and its companions.
    """

    checkpoint: str
    target: Target
    exports: tuple[Export, ...]

    def as_json(self) -> dict[str, Any]:
        """An entry of the matrix."""
        artifacts = [export.artifact for export in self.exports]
        return {
            "checkpoint": self.checkpoint,
            "target": self.target.name,
            "runs-on": self.target.runs_on_as_json,
            "self-hosted": self.target.is_self_hosted,
            "exports": artifacts[0] if len(artifacts) == 1 else f"@({'|'.join(artifacts)})",  # as minimatch reads it
        }


@dataclass(frozen=True)
class Skip:
    """A target that a checkpoint names, and that it is not taken to."""

    checkpoint: str
    target: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What a run does.

    Attributes:
        lanes: The jobs on targets; what they need is exported once.
        skips: What is left out, with the reason.
        reason: Why these checkpoints.
        touches_code: Whether more than checkpoints has changed.
    """

    lanes: tuple[Lane, ...]
    skips: tuple[Skip, ...]
    reason: str
    touches_code: bool

    @property
    def exports(self) -> tuple[Export, ...]:
        """Each export that a lane needs, once."""
        return tuple(dict.fromkeys(export for lane in self.lanes for export in lane.exports))

    def outputs(self) -> dict[str, str]:
        """The outputs of the step, by name."""
        return {
            "export": _matrix([export.as_json() for export in self.exports]),
            "judge": _matrix([lane.as_json() for lane in self.lanes]),
            "any": json.dumps(bool(self.lanes)),
            "self-hosted": json.dumps(any(lane.target.is_self_hosted for lane in self.lanes)),
            "code": json.dumps(self.touches_code),
        }

    def as_markdown(self) -> str:
        """The plan as the step summary shows it."""
        lines = ["### Plan", "", f"Why: {self.reason}.", ""]
        if not self.lanes:
            lines += ["Nothing to build: the run ends here.", ""]
        rows = [(lane.checkpoint, lane.target.name, f"on {', '.join(lane.target.runs_on)}") for lane in self.lanes]
        rows += [(skip.checkpoint, skip.target, f"skipped: {skip.reason}") for skip in self.skips]
        if rows:
            lines += ["| checkpoint | target | |", "| --- | --- | --- |", *(f"| {' | '.join(row)} |" for row in rows)]
        return "\n".join(lines)


def declarations() -> dict[str, Declared]:
    """What each checkpoint declares, by name.

    A broken pipeline.yaml counts as one that declares nothing, so that its own job fails and says why.
    """
    declared = {}
    for folder in find_checkpoints([]):
        try:
            data = load_checked(folder / "pipeline.yaml", schema=SCHEMA)
        except BadYaml:
            data = {}
        declared[folder.name] = Declared(tuple(data.get("targets", (CPU,))), tuple(data.get("with", ())))
    return declared


def plan(
    change: Change,
    *,
    declared: Mapping[str, Declared],
    targets: Targets,
    secrets: Sequence[str] = (),
    only: Sequence[str] = (),
) -> Plan:
    """Lays out the jobs for a change.

    Args:
        change: The checkpoints it is about.
        declared: What each of them, and their companions, declare.
        targets: The targets there are.
        secrets: Names of the secrets that are set.
        only: Targets that this run may use; empty for all.

    Raises:
        TooManyJobs: A matrix would have more jobs than GitHub takes.
    """
    lanes, skips = [], []
    for checkpoint in change.checkpoints:
        for name in declared[checkpoint].targets:
            reason = _reason_against(name, targets, secrets=secrets, only=only)
            if reason:
                skips.append(Skip(checkpoint, name, reason))
                continue
            target = targets.by_name[name]
            together = (checkpoint, *declared[checkpoint].companions)
            lanes.append(Lane(checkpoint, target, tuple(Export(each, target.export_image) for each in together)))
    made = Plan(tuple(lanes), tuple(skips), change.reason, change.touches_code)
    if (jobs := max(len(lanes), len(made.exports))) > MAX_JOBS:
        raise TooManyJobs(
            f"{len(change.checkpoints)} checkpoints make {jobs} jobs; a matrix takes {MAX_JOBS}",
            why=change.reason,
            fix="push fewer checkpoints at once, or start the workflow by hand for some of them (asr-*)",
        )
    return made


def main(argv: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    return run(_main, argv)


@github.annotated("plan")
def _main(argv: list[str]) -> int:
    parser = ArgumentParser(prog="nox -s plan --", description="Says which checkpoints run on which targets.")
    parser.add_argument("--base", default="", help="commit to compare with")
    parser.add_argument("--head", default="HEAD", help="commit that is compared (default: %(default)s)")
    parser.add_argument(
        "--judged-branch",
        default="",
        help=f"compare with the last commit of it that {JUDGING} judged well, unless --base",
    )
    parser.add_argument("--all", action="store_true", help="every checkpoint, whatever has changed")
    parser.add_argument("--only", default="", metavar="PATTERNS", help="checkpoints to take, such as 'asr-* punct-*'")
    parser.add_argument("--target", action="append", default=[], help="a target that may be used (default: all)")
    parser.add_argument("--secret", action="append", default=[], help="a secret that is set")
    parser.add_argument("--verbose", action="store_true", help="print tracebacks")
    options = parser.parse_args(argv)
    judged = _last_judged(options.judged_branch) if options.judged_branch else None
    base = options.base or (judged.sha if judged else "")
    paths = None if options.all or options.only or not base else changed_paths(base, options.head, repository=ROOT)
    declared = declarations()
    change = affected(paths, {name: each.companions for name, each in declared.items()})
    if options.only:
        change = _chosen_by_hand(change, options.only.split())
    made = plan(
        change,
        declared=declared,
        targets=Targets.read(),
        secrets=options.secret,
        only=options.target,
    )
    _tell(made, baseline=str(judged.id) if judged else "")
    return 0


def _tell(made: Plan, *, baseline: str) -> None:
    print(made.as_markdown())
    github.summarise(made.as_markdown())
    for skip in made.skips:
        github.note("notice", skip.reason, title=f"{skip.checkpoint} skips {skip.target}")
    for name, value in {**made.outputs(), "baseline": baseline}.items():
        github.set_output(name, value)


def _last_judged(branch: str) -> Run | None:
    return GitHub.connect().actions.latest(JUDGING, branch=branch, event="push", status="success")


def _chosen_by_hand(change: Change, patterns: Sequence[str]) -> Change:
    chosen = tuple(name for name in change.checkpoints if any(fnmatchcase(name, each) for each in patterns))
    if not chosen:
        known = ", ".join(change.checkpoints)
        raise UnknownCheckpoint(f"no checkpoint is called {' or '.join(patterns)}", fix=f"known: {known}")
    return Change(chosen, f"chosen by hand: {' '.join(patterns)}", touches_code=True)


def _reason_against(name: str, targets: Targets, *, secrets: Sequence[str], only: Sequence[str]) -> str:
    """Why a target is not used; empty if it is."""
    if only and name not in only:
        return f"this run uses {', '.join(only)} only"
    target = targets.by_name.get(name)
    if target is None or not target.enabled:
        return "it is not enabled in ci/targets.yaml"
    if target.needs_secret and target.needs_secret not in secrets:
        return f"the secret {target.needs_secret} is not set here"
    return ""


def _matrix(entries: list[dict[str, Any]]) -> str:
    return json.dumps({"include": entries})


if __name__ == "__main__":
    sys.exit(main())
