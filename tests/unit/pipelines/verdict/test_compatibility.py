"""For each Riva version and target: works, works with a waiver, does not, or unknown, and why."""

from datetime import date

import pytest

from pipelines.compatibility import compatibility, riva_version, riva_versions
from pipelines.verdict.compatibility import TARGETS, check_l4t, check_pairs, recipe_of, support
from pipelines.verdict.findings import Outcome
from pipelines.verdict.waivers import Waiver

ASR = "nemo.collections.asr.models"
WORKS, WAIVER, UNKNOWN, FAILS = Outcome.WORKS, Outcome.WAIVER, Outcome.UNKNOWN, Outcome.FAILS


def outcomes(obj_cls: str, nemo: str = "3.0.0", waivers: tuple[Waiver, ...] = ()) -> dict[tuple[str, str], Outcome]:
    return {(each.riva, each.target): each.outcome for each in support(obj_cls, nemo, waivers)}


def test_every_version_and_target_has_an_answer() -> None:
    """None is left out, whatever the class."""
    expected = {(version, target) for version in riva_versions() for target in TARGETS}

    assert set(outcomes(f"{ASR}.EncDecCTCModel")) == expected
    assert set(outcomes("")) == expected


@pytest.mark.parametrize(
    ("obj_cls", "riva", "target", "outcome"),
    [
        ("EncDecCTCModel", "2.19.0", "cpu", WORKS),
        ("EncDecCTCModelBPE", "2.19.0", "jetson", WORKS),
        ("EncDecCTCModelBPE", "2.16.0", "x86-gpu", WAIVER),
        ("EncDecCTCModelBPE", "2.17.0", "x86-gpu", UNKNOWN),
        ("EncDecRNNTBPEModel", "2.19.0", "x86-gpu", WORKS),
        ("EncDecRNNTBPEModel", "2.18.0", "x86-gpu", UNKNOWN),
        ("EncDecRNNTBPEModel", "2.16.0", "x86-gpu", FAILS),
        ("EncDecRNNTBPEModel", "2.19.0", "cpu", FAILS),
        ("EncDecHybridRNNTCTCBPEModel", "2.19.0", "jetson", FAILS),
        ("EncDecSpeakerLabelModel", "2.19.0", "x86-gpu", UNKNOWN),
    ],
)
def test_answers(obj_cls: str, riva: str, target: str, outcome: Outcome) -> None:
    """What is published decides; what nobody published is unknown, never taken for a success."""
    assert outcomes(f"{ASR}.{obj_cls}")[riva, target] is outcome


def test_every_answer_but_works_has_a_reason() -> None:
    """Whoever reads "does not" or "unknown" reads why, and what to do."""
    for each in support(f"{ASR}.EncDecRNNTBPEModel", "1.23.0"):
        assert (each.outcome is WORKS) == (not each.findings)
        assert all(finding.why and finding.fix for finding in each.findings)


def test_an_expired_waiver_turns_works_with_a_waiver_into_does_not() -> None:
    """A waiver that is over is worse than none: somebody meant it to end."""
    over = Waiver(advisory="CVE-2025-23242", expires=date(2026, 1, 1), reason="a test")

    assert outcomes(f"{ASR}.EncDecCTCModel", waivers=(over,))["2.18.0", "cpu"] is FAILS


@pytest.mark.parametrize("nemo", ["3.1.0", "2.6.0rc0", "", "1.0.0"])
def test_a_nemo_outside_the_covered_range_is_unknown_here(nemo: str) -> None:
    """Newer than the export's NeMo, a development version, none at all: nobody knows whether it can be restored."""
    assert outcomes(f"{ASR}.EncDecCTCModel", nemo)["2.19.0", "cpu"] is UNKNOWN


def test_known_bad_pairs_are_named_with_their_report() -> None:
    """The finding says what failed, with which versions, and where it was reported."""
    facts = {"class": f"{ASR}.EncDecHybridRNNTCTCBPEModel", "saved-by": "1.21.0", "nemo": "1.22.0"}

    (finding,) = check_pairs(facts)

    assert "saved-by 1.21.0, nemo 1.22.0" in finding.what
    assert "issues/8474" in finding.why


def test_every_class_of_the_table_has_a_recipe() -> None:
    """Transducers want a flag, hybrids lose a decoder first, Tacotron is not exported at all."""
    assert all(recipe_of(obj_cls) for obj_cls in compatibility().classes)
    assert recipe_of(f"{ASR}.EncDecRNNTBPEModel") == "nemo2riva --format nemo"
    assert "hybrid_to_ctc" in recipe_of(f"{ASR}.EncDecHybridRNNTCTCBPEModel")
    assert "riva-build as it is" in recipe_of("nemo.collections.tts.models.Tacotron2Model")
    assert recipe_of("somebody.elses.Model") == ""


@pytest.mark.parametrize(
    ("l4t", "fits"),
    [("36.3", True), ("36.2.0", True), ("36.4.3", False), ("35.4.1", False), ("38.2", False)],
)
def test_a_jetson_runs_containers_of_its_own_line(l4t: str, fits: bool) -> None:
    """Another major version does not fit, nor does 36.4, whose libraries changed within JetPack 6."""
    assert (list(check_l4t(riva_version("2.19"), l4t)) == []) is fits


def test_the_line_of_a_jetson_counts_for_jetsons_only() -> None:
    """What is built for a CPU or an x86 GPU does not care."""
    places = support(f"{ASR}.EncDecCTCModel", "3.0.0", l4t="35.4")

    assert {place.target for place in places if place.outcome is FAILS} == {"jetson"}
