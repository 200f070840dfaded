"""Mutated checkpoints: none crashes the verdict, hangs it, or gets a payload past it."""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.errors import RivaError
from pipelines.verdict.clean import write_clean
from pipelines.verdict.verdict import judge
from tests.hostile import careless
from tests.hostile.mutations import mutant

SECONDS = 10  # for one mutant; they take milliseconds
BEFORE_THE_PICKLE = {"weights-present", "weights-format", "weights-zip", "weights-records"}


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
    """Judges mutants; the checkpoints that nothing stands against are loaded carelessly, once they are clean."""
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
    """Judges one mutant, counts how far it came, and says whether it is accepted."""
    depth.mutants += 1
    with suppress(RivaError), NemoCheckpoint.open(path, with_defects=True) as checkpoint:
        depth.container += not checkpoint.defects
    verdict = judge(path, scan_weights=True)
    rules = {finding.rule.id for finding in verdict.findings}
    configuration = verdict.facts is not None
    pickle = configuration and not rules & BEFORE_THE_PICKLE
    depth.configuration += configuration
    depth.pickle += pickle
    depth.inside += configuration or pickle
    depth.rules.update(rules)
    depth.accepted += not verdict.outcome.refuses
    return not verdict.outcome.refuses


def load_carelessly(path: Path, clean: Path) -> None:
    """Loads the clean copy of an accepted mutant as people without a firewall do."""
    with NemoCheckpoint.open(path) as checkpoint:
        write_clean(checkpoint, clean)
    careless.unpickle(clean)
    careless.unpickle_members(clean)
    careless.unsafe_yaml(clean)
    careless.run_pipes(clean)


@pytest.mark.parametrize(
    ("seed", "count"), [(1, 300), pytest.param(2, 20_000, marks=pytest.mark.full)], ids=["slice", "whole"]
)
def test_no_mutant_gets_through(tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int, count: int) -> None:
    """At least half of the mutants pass the container, and a fifth are judged by their pickle or configuration."""
    depth = fuzz(tmp_path, seed=seed, count=count)

    with capsys.disabled():
        print(f"\n{depth}")
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
