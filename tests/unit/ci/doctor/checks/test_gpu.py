"""A GPU that does not answer is told apart by how it does not."""

from dataclasses import replace

import pytest

from ci.doctor.findings import Outcome
from ci.doctor.probe import Ran
from pipelines.compatibility import riva_version
from tests.unit.ci.doctor.recordings import QUERY, Recorded, findings, job


def test_a_hung_driver_is_told_from_a_missing_one() -> None:
    """nvidia-smi that never ends means a restart, not an installation; the kernel's module is still known."""
    machine = Recorded("gpu-runner", {"nvidia-smi": Ran(hung=True), QUERY: Ran(hung=True)})
    (finding,) = findings(machine, job("x86-gpu"))["gpu-answers"]

    assert finding.outcome is Outcome.FAILS
    assert finding.what == "nvidia-smi: it had not answered after 5 s; kernel module 580.159.04"
    assert "xid" in finding.fix
    assert "restart" in finding.fix


def test_a_module_that_is_not_loaded_fails() -> None:
    """The driver's own words are kept: https://github.com/NVIDIA/nvidia-docker/issues/1637 has such a host."""
    said = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
    failed = Ran(f"{said}\n", "", 9)
    (finding,) = findings(Recorded("gpu-runner", {"nvidia-smi": failed, QUERY: failed}), job("x86-gpu"))["gpu-answers"]

    assert finding.outcome is Outcome.FAILS
    assert said in finding.what
    assert "modprobe nvidia" in finding.fix


def test_an_older_driver_that_knows_no_compute_capability_is_unknown() -> None:
    """It answers, so the job is not refused; what could not be asked is said."""
    (finding,) = findings(Recorded("runtime-lost"), job("x86-gpu"))["gpu-answers"]

    assert finding.outcome is Outcome.UNKNOWN
    assert "driver 535.183.01 answers" in finding.what
    assert "compute_cap" in finding.what


def test_the_smallest_gpu_decides() -> None:
    """Of several GPUs the one with the least memory is compared, and all are named."""
    rows = "NVIDIA A30, 535.1.1, 8.0, 24576\nNVIDIA A30, 535.1.1, 8.0, 24576\nNVIDIA T4, 535.1.1, 7.5, 15360"
    found = findings(Recorded("gpu-runner", {QUERY: Ran(rows)}), job("x86-gpu"))

    assert "2 x NVIDIA A30, 1 x NVIDIA T4" in found["gpu-answers"][0].what
    assert found["gpu-memory-suffices"][0].what == "16 GB; Riva 2.19.0 recommends 16 GB"


@pytest.mark.parametrize(
    ("name", "says"), [("gpu-runner", "1 x NVIDIA H100"), ("jetson-36.4", "a Jetson with L4T 36.4.7")]
)
def test_on_cpu_a_gpu_is_mentioned_only(name: str, says: str) -> None:
    """Target cpu uses none, whatever is there."""
    (finding,) = findings(Recorded(name), job())["gpu-answers"]

    assert finding.outcome is Outcome.OK
    assert says in finding.what


@pytest.mark.parametrize(
    ("needs", "outcome"),
    [("13.0", Outcome.OK), ("13.1", Outcome.WARNING), ("14.0", Outcome.FAILS), ("12.5", Outcome.OK)],
)
def test_the_driver_serves_what_the_image_needs(needs: str, outcome: Outcome) -> None:
    """A driver serves older CUDA whole, newer of its major version in part, and nothing beyond."""
    riva = riva_version("2.19.0")
    platform = riva.platforms["x86-gpu"]
    known = replace(platform, cuda=replace(platform.cuda, value=needs, evidence="seen"))
    asked = replace(job("x86-gpu"), riva=replace(riva, platforms={"x86-gpu": known}))

    (finding,) = findings(Recorded("gpu-runner"), asked)["cuda-served"]

    assert finding.outcome is outcome
    assert finding.what == f"driver 580.159.04 serves CUDA 13.0, Riva 2.19.0 needs {needs}"


def test_no_jetson_is_no_jetson() -> None:
    """A machine without /etc/nv_tegra_release is not one, and JetPack is not asked for."""
    found = findings(Recorded("gpu-runner"), job("jetson"))

    assert "this is no Jetson" in found["l4t-line-as-image"][0].what
    assert "jetpack-known" not in found
