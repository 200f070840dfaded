"""What a checkpoint will need is estimated from its weights and held against a machine."""

from pathlib import Path

import pytest

from pipelines.verdict.facts import Facts, Weights
from pipelines.verdict.needs import Capacity, Needs, check_needs, l4t_line, needs_of

SMALL = Facts(
    name="a.nemo",
    size=4_000_000,
    obj_cls="",
    nemo_version="",
    pipeline="",
    recipe="",
    architecture=None,
    weights=Weights(parameters=1_000_000, dtypes={"float32": 1_000_000}, size=4_000_000),
)
NEEDS = Needs(export_memory=2_000_000_000, serve_memory=1_000_000_000, disk=5_000_000_000)


def test_needs_grow_with_the_weights() -> None:
    """A billion weights need tens of gigabytes; half precision on the disk does not halve the network."""
    large = Facts(
        **{**vars(SMALL), "size": 2 * 10**9, "weights": Weights(parameters=10**9, dtypes={"float16": 10**9}, size=2)}
    )

    assert needs_of(SMALL).memory < 2 * 10**9
    assert needs_of(large).memory > 18 * 10**9
    assert needs_of(large).disk > 20 * 10**9


def test_needs_are_those_that_were_measured() -> None:
    """A Conformer of 115 million parameters took 2.65 GB to export, 1.62 GB to serve and 2.41 GB of disk."""
    weights = Weights(parameters=115_000_000, dtypes={"float32": 115_000_000}, size=461_000_000)
    needs = needs_of(Facts(**{**vars(SMALL), "size": 461_000_000, "weights": weights}))

    assert 2.65e9 < needs.export_memory < 1.3 * 2.65e9
    assert 1.62e9 < needs.serve_memory < 1.5 * 1.62e9
    assert 2.41e9 < needs.disk < 1.3 * 2.41e9


def test_unreadable_weights_are_estimated_by_the_file() -> None:
    """Without the header of the weights the size of the file stands in for it."""
    assert needs_of(Facts(**{**vars(SMALL), "weights": None})) == needs_of(SMALL)


@pytest.mark.parametrize(
    ("capacity", "rules"),
    [
        (Capacity(memory=3_000_000_000, disk=6_000_000_000), []),
        (Capacity(memory=1_500_000_000, disk=6_000_000_000), ["memory-suffices"]),
        (Capacity(memory=3_000_000_000, disk=4_000_000_000), ["disk-suffices"]),
        (Capacity(memory=1, disk=1), ["memory-suffices", "disk-suffices"]),
        (Capacity(), []),
    ],
)
def test_a_machine_is_held_against_the_needs(capacity: Capacity, rules: list[str]) -> None:
    """Memory and disk are compared, each with its own rule; what is not known is not asked."""
    assert [finding.rule.id for finding in check_needs(NEEDS, capacity)] == rules


def test_the_finding_says_how_much() -> None:
    """Both figures and the stage that needs them are told."""
    (finding,) = check_needs(NEEDS, Capacity(memory=1_500_000_000))

    assert finding.what == "nemo2riva needs about 2.0 GB of memory, there are 1.5 GB"


def test_this_machine_has_something(tmp_path: Path) -> None:
    """Free memory and disk are found, also for a folder that is not there yet."""
    here = Capacity.here(tmp_path / "not" / "there")

    assert here.memory is not None
    assert here.memory > 10**7
    assert here.disk is not None
    assert here.disk > 0


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# R35 (release), REVISION: 3.1, GCID: 32790763, BOARD: t186ref, EABI: aarch64", "35.3.1"),
        ("# R32 (release), REVISION: 7.1, GCID: 29689809, BOARD: t186ref, EABI: aarch64", "32.7.1"),
        ("something else", ""),
        (None, ""),
    ],
    ids=["JetPack 5", "JetPack 4", "another file", "no Jetson"],
)
def test_a_jetson_says_which_line_it_runs(tmp_path: Path, text: str | None, line: str) -> None:
    """As two boards said it (quoted in dusty-nv/jetson-containers, l4t_version.py); elsewhere there is no such file."""
    path = tmp_path / "nv_tegra_release"
    if text is not None:
        path.write_text(f"{text}\n", encoding="utf-8")

    assert l4t_line(path) == line
