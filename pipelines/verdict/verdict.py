"""The verdict on a checkpoint, from reading it alone: nothing in it is executed.

    open -> what it is (facts) -> what stands against it (findings) -> where it will work (places)

A finding may be about one target only (`Rule.target`); a place collects those that are about it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.compatibility import DEFAULT_VERSION, riva_version
from pipelines.errors import CheckpointError, InputError, UsageError
from pipelines.verdict.claims import Name, check_names
from pipelines.verdict.compatibility import CPU, TARGETS, Support, support
from pipelines.verdict.declaration import Declaration
from pipelines.verdict.description import read_facts
from pipelines.verdict.evaluation.checks import check_evaluation
from pipelines.verdict.facts import Facts
from pipelines.verdict.findings import Finding, Outcome, worst
from pipelines.verdict.firewall.finite import check_finite
from pipelines.verdict.firewall.inspection import inspect
from pipelines.verdict.needs import Capacity, Needs, check_needs, needs_of
from pipelines.verdict.parts import check_parts
from pipelines.verdict.rules import containers

__all__ = ["Verdict", "judge", "judge_open"]

NOTHING_DECLARED = Declaration()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the static reading of a checkpoint found.

    Args:
        path: The checkpoint.
        facts: What it is; None if it cannot be read.
        needs: What the stages need for it; None if it cannot be read.
        findings: What stands against it where it was asked about, worst first, each once.
        places: Every Riva version and target, with all that stands against it there; none if it cannot be read.
        asked: The versions and targets that decide about the outcome.
    """

    path: Path
    facts: Facts | None = None
    needs: Needs | None = None
    findings: tuple[Finding, ...] = ()
    places: tuple[Support, ...] = ()
    asked: tuple[tuple[str, str], ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst that a finding says."""
        return worst(finding.rule.outcome for finding in self.findings)

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many places have each outcome, best first."""
        counts = Counter(place.outcome for place in self.places)
        return {outcome: counts[outcome] for outcome in Outcome if counts[outcome]}

    def raise_findings(self) -> None:
        """Raises the worst finding that refuses the checkpoint, if there is one.

        Raises:
            RivaError: The error of the finding's rule.
        """
        for finding in self.findings:
            if finding.rule.outcome.refuses:
                raise finding.as_error()


def judge(
    path: Path,
    *,
    riva_versions: Sequence[str] = (),
    targets: Sequence[str] = (),
    pipeline: str = "",
    declaration: Declaration | None = None,
    capacity: Capacity | None = None,
    evaluation: Path | None = None,
    scan_weights: bool = False,
) -> Verdict:
    """Reads a checkpoint without executing anything in it and says what stands against it.

    Args:
        path: The checkpoint.
        riva_versions: Those that are asked about; by default what is declared, else `DEFAULT_VERSION`.
        targets: Those that are asked about; by default what is declared, else `cpu`.
        pipeline: The pipeline that it is meant for; by default what is declared, else any.
        declaration: What is declared about it; by default the pipeline.yaml beside it, if it names this file.
        capacity: What the machine has that will do the work; by default it is not asked.
        evaluation: A folder of utterances or texts that it will be judged on; by default none is looked at.
        scan_weights: Whether to look at every weight for NaN and infinity, which takes as long as reading the file.

    Raises:
        UsageError: A Riva version, a target or the declaration cannot be understood.
        OutputFailed: There is no room to unpack it, if it is compressed.
    """
    declaration = Declaration.beside(path) if declaration is None else declaration
    asked = _asked(riva_versions, targets, declaration)
    try:
        with NemoCheckpoint.open(path, with_defects=True) as checkpoint:
            return judge_open(
                checkpoint,
                asked,
                names=_names(path, declaration),
                pipeline=pipeline,
                declaration=declaration,
                capacity=capacity,
                evaluation=evaluation,
                scan_weights=scan_weights,
            )
    except (InputError, CheckpointError) as error:
        unreadable = error.finding or containers.READABLE.finding(error.what, why=error.why, fix=error.fix)
        return Verdict(path=path, findings=(unreadable,), asked=asked)


def judge_open(
    checkpoint: NemoCheckpoint,
    asked: Sequence[tuple[str, str]] = ((DEFAULT_VERSION, CPU),),
    *,
    names: Sequence[Name] = (),
    pipeline: str = "",
    declaration: Declaration = NOTHING_DECLARED,
    capacity: Capacity | None = None,
    evaluation: Path | None = None,
    scan_weights: bool = False,
) -> Verdict:
    """Says what stands against a checkpoint that is already open.

    Args:
        checkpoint: The checkpoint.
        asked: The Riva versions and targets that decide about the outcome.
        names: What it is called; none are compared by default.
        pipeline: As for `judge`, like the others.
        declaration: As for `judge`; by default nothing is declared.
        capacity: As for `judge`.
        evaluation: As for `judge`.
        scan_weights: As for `judge`.

    Raises:
        CheckpointError: Its configuration cannot be read.
    """
    inspection = inspect(checkpoint)
    facts = read_facts(checkpoint, inspection.state)
    needs = needs_of(facts)
    own = [
        *inspection.findings,
        *(check_finite(checkpoint, inspection.state) if scan_weights else ()),
        *check_parts(checkpoint, pipeline or declaration.pipeline),
        *check_names(names, facts),
        *(check_needs(needs, capacity) if capacity else ()),
        *(_evaluated(evaluation, checkpoint, facts, declaration) if evaluation else ()),
    ]
    places = tuple(
        replace(
            place, findings=_sorted([each for each in own if each.rule.target in ("", place.target)], place.findings)
        )
        for place in support(
            facts.obj_cls, facts.nemo_version, declaration.waivers, l4t=capacity.l4t if capacity else ""
        )
    )
    return Verdict(
        path=checkpoint.path,
        facts=facts,
        needs=needs,
        findings=_sorted(*(place.findings for place in places if (place.riva, place.target) in asked)),
        places=places,
        asked=tuple(asked),
    )


def _evaluated(folder: Path, checkpoint: NemoCheckpoint, facts: Facts, declaration: Declaration) -> Iterator[Finding]:
    language = next((name.text for name in declaration.names if name.language), "")
    rate = facts.architecture.sample_rate if facts.architecture else None
    return check_evaluation(folder, checkpoint.config, sample_rate=rate, language=language)


def _asked(
    riva_versions: Sequence[str], targets: Sequence[str], declaration: Declaration
) -> tuple[tuple[str, str], ...]:
    versions = riva_versions or [declaration.riva_version or DEFAULT_VERSION]
    targets = targets or declaration.targets or [CPU]
    for target in targets:
        if target not in TARGETS:
            raise UsageError(f"there is no target {target!r}", fix=f"choose from {', '.join(TARGETS)}")
    return tuple((riva_version(version).version, target) for version in versions for target in targets)


def _sorted(*findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings of several places, each once, worst first."""
    once = dict.fromkeys(finding for each in findings for finding in each)
    return tuple(sorted(once, key=lambda finding: -finding.rule.outcome.severity))


def _names(path: Path, declaration: Declaration) -> tuple[Name, ...]:
    return Name(path.stem, "file"), Name(path.resolve().parent.name, "folder"), *declaration.names
