"""Labels are promises about the host, compared one by one."""

import pytest

from ci.doctor.findings import Outcome
from tests.unit.ci.doctor.recordings import Recorded, findings, job


@pytest.mark.parametrize(
    ("name", "label", "says"),
    [
        ("gpu-runner", "arm64", "this is x86_64"),
        ("jetson-36.3", "x64", "this is aarch64"),
        ("jetson-36.3", "x86-gpu", "this is aarch64"),
        ("gpu-runner", "jetson", "this is no Jetson"),
        ("no-gpu", "gpu", "no GPU answers (nvidia-smi: it is not installed)"),
        ("no-gpu", "windows", "this is Linux"),
        ("jetson-36.4", "l4t-36.3", "this is L4T 36.4.7"),
        ("jetson-36.4", "r35.3", "this is L4T 36.4.7"),
        ("no-gpu", "l4t-36.3", "this is no Jetson"),
        ("gpu-runner", "sm-86", "the GPU has 9.0"),
        ("gpu-runner", "cuda-12", "the driver serves CUDA 13.0"),
    ],
)
def test_a_wrong_label_is_found(name: str, label: str, says: str) -> None:
    """Processor, GPU, L4T line, generation and CUDA are compared with what the host really is."""
    (finding,) = findings(Recorded(name), job(labels=("self-hosted", label)))["labels-true"]

    assert finding.outcome is Outcome.FAILS
    assert f"'{label}', but {says}" in finding.what


def test_all_wrong_labels_are_one_finding() -> None:
    """Who corrects labels wants all of them at once."""
    (finding,) = findings(Recorded("no-gpu"), job(labels=("arm64", "gpu")))["labels-true"]

    assert finding.what.count(", but ") == 2


def test_a_label_of_ones_own_is_named_and_harmless() -> None:
    """What nothing is known of cannot be wrong."""
    found = findings(Recorded("no-gpu"), job(labels=("Linux", "rack-7")))["labels-true"]

    assert {finding.outcome: finding.what for finding in found} == {
        Outcome.NOTE: "nothing is known of the labels rack-7",
        Outcome.OK: "linux",
    }


def test_a_generation_that_the_driver_does_not_tell_is_not_wrong() -> None:
    """A Jetson's nvidia-smi says no compute capability, so that nothing speaks against the label."""
    (finding,) = findings(Recorded("jetson-36.3"), job("jetson", labels=("jetson", "sm-87")))["labels-true"]

    assert finding.outcome is Outcome.OK


def test_without_labels_nothing_is_compared() -> None:
    """A machine that is no runner has none."""
    assert "labels-true" not in findings(Recorded("no-gpu"), job())
