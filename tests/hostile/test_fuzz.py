"""Mutated checkpoints: none crashes the firewall, hangs it, or gets a payload past it."""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.errors import RivaError
from pipelines.verdict.clean import write_clean
from pipelines.verdict.firewall.finite import check_finite
from pipelines.verdict.firewall.inspection import inspect
from tests.hostile import careless
from tests.hostile.mutations import mutant

SECONDS = 10  # for one mutant; they take milliseconds
BEFORE_THE_PICKLE = {"weights-format", "weights-zip", "weights-records"}


@dataclass
class Depth:
    """How many mutants came how far."""

    mutants: int = 0
    container: int = 0
    configuration: int = 0
    pickle: int = 0
    inside: int = 0
    accepted: int = 0
    rules: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        reached = {
            "pass the container": self.container,
            "reach the configuration": self.configuration,
            "reach the pickle": self.pickle,
            "reach either": self.inside,
            "are accepted": self.accepted,
        }
        shares = ", ".join(f"{count / self.mutants:.0%} {what}" for what, count in reached.items())
        return f"{self.mutants} mutants: {shares}; refused by {dict(self.rules.most_common())}"


@contextmanager
def deadline(seconds: int) -> Iterator[None]:
    """Raises in whatever does not end in time."""

    def raise_(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, raise_)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def fuzz(folder: Path, *, seed: int, count: int) -> Depth:
    """Inspects mutants; the checkpoints that nothing stands against are loaded carelessly, once they are clean."""
    depth = Depth()
    path, mark = folder / "model.nemo", folder / "mark"
    for number in range(count):
        path.write_bytes(mutant(seed, number, mark).content)
        try:
            with deadline(SECONDS):
                accepted = inspected(path, depth)
        except Exception as error:
            raise AssertionError(f"mutant({seed}, {number}, mark) ends in {error!r}") from error
        if accepted:
            load_carelessly(path, folder / "clean.nemo")
        assert not mark.exists(), f"mutant({seed}, {number}, mark) has left its mark"
    return depth


def inspected(path: Path, depth: Depth) -> bool:
    """Inspects one mutant, counts how far it came, and says whether it is accepted."""
    depth.mutants += 1
    try:
        with NemoCheckpoint.open(path, with_defects=True) as checkpoint:
            depth.container += not checkpoint.defects
            inspection = inspect(checkpoint)
            found = [*inspection.findings, *check_finite(checkpoint, inspection.state)]
            has_weights = "model_weights.ckpt" in checkpoint.names()
    except RivaError as error:
        depth.rules[error.finding.rule.id if error.finding else "readable"] += 1
        return False
    pickle = has_weights and not BEFORE_THE_PICKLE & {finding.rule.id for finding in found}
    depth.configuration += 1
    depth.pickle += pickle
    depth.inside += 1
    depth.rules.update(finding.rule.id for finding in found)
    accepted = has_weights and not any(finding.rule.outcome.refuses for finding in found)
    depth.accepted += accepted
    return accepted


def load_carelessly(path: Path, clean: Path) -> None:
    """Loads the clean copy of an accepted mutant as people without a firewall do."""
    try:
        with NemoCheckpoint.open(path) as checkpoint:
            write_clean(checkpoint, clean)
    except RivaError:  # its class has no recipe, or a member is missing: nothing is ever loaded
        return
    careless.unpickle(clean)
    careless.unpickle_members(clean)
    careless.unsafe_yaml(clean)
    careless.run_pipes(clean)


@pytest.mark.parametrize(
    ("seed", "count"), [(1, 500), pytest.param(2, 20_000, marks=pytest.mark.full)], ids=["slice", "whole"]
)
def test_no_mutant_gets_through(tmp_path: Path, seed: int, count: int) -> None:
    """At least half of the mutants pass the container, and a fifth are judged by their pickle or configuration."""
    depth = fuzz(tmp_path, seed=seed, count=count)

    print(depth)
    assert depth.container >= count // 2
    assert depth.inside >= count // 5
    assert 0 < depth.accepted < count


def test_the_oracle_sees_a_mark(tmp_path: Path) -> None:
    """Loaded without inspection, some mutants do leave their mark: the payloads survive mutation."""
    path, mark = tmp_path / "model.nemo", tmp_path / "mark"
    marked = 0
    for number in range(300):
        made = mutant(3, number, mark)
        path.write_bytes(made.content)
        if made.layer == "pickle":
            try:
                careless.unpickle(path)
            except Exception:
                continue
        marked += mark.exists()
        mark.unlink(missing_ok=True)

    assert marked >= 5
