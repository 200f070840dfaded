"""Every rule is broken by some machine, and a good runner breaks none."""

import re
from typing import Any, NamedTuple

import pytest

from ci.doctor.checks import FAMILIES
from ci.doctor.findings import Outcome, Rule
from ci.doctor.probe import Answer, Ran
from tests.unit.ci.doctor.recordings import QUERY, Recorded, findings, job, outcomes

RULES = {rule.id: rule for rules in FAMILIES.values() for rule in rules}
INFO = "docker info --format={{json .}}"
IMAGE = "docker image inspect --format={{.Id}} nvcr.io/nvidia/riva/riva-speech:2.19.0"
NOWHERE = Answer(error="Name or service not known")
NO_RAISE = {"/proc/1234/status": "CapEff:\t000001fffeffffff\n"}


class Broken(NamedTuple):
    """A machine that breaks a rule, and what is said of it."""

    machine: Recorded
    target: str
    says: str
    options: dict[str, Any] = {}


def late(seconds: int) -> Answer:
    return Answer(401, "Sun, 22 Nov 2026 22:23:00 GMT", 1_795_386_180.0 - seconds)


def gpu(*rows: str) -> Recorded:
    return Recorded("gpu-runner", {QUERY: Ran("\n".join(rows))})


BREAKING = {
    "architecture-of-target": Broken(Recorded("jetson-36.3"), "x86-gpu", "aarch64; target x86-gpu runs on x86_64"),
    "glibc-suffices": Broken(
        Recorded("no-gpu", {"getconf GNU_LIBC_VERSION": Ran("glibc 2.31\n")}), "cpu", "glibc 2.31; the environments"
    ),
    "memory-free": Broken(Recorded("no-gpu", memory=500_000_000), "cpu", "500.0 MB free; the stages take 1.0 GB"),
    "disk-free": Broken(Recorded("gpu-runner", disk=20 * 10**9), "x86-gpu", "20.0 GB free for images"),
    "open-files-suffice": Broken(
        Recorded("no-gpu", files={"/proc/self/limits": "Max open files   256   4096   files\n"}), "cpu", "may open 256"
    ),
    "ports-free": Broken(
        Recorded("no-gpu", files={"/proc/net/tcp": "head\n0: 00000000:1F41 0:0 0A\n"}),
        "cpu",
        "something listens on 8001",
    ),
    "clock-right": Broken(Recorded("gpu-runner", web=late(1020)), "cpu", "1020 s behind NGC"),
    "clock-synchronised": Broken(
        Recorded("no-gpu", {"timedatectl show --property=NTPSynchronized --value": Ran("no\n")}),
        "cpu",
        "NTPSynchronized=no",
    ),
    "gpu-answers": Broken(Recorded("no-gpu"), "x86-gpu", "nvidia-smi: it is not installed"),
    "driver-one-version": Broken(
        Recorded("driver-updated"), "x86-gpu", "NVML library version: 580.178; the kernel module is 580.173.02"
    ),
    "compute-capability-supported": Broken(
        gpu("NVIDIA TITAN V, 570.86.15, 7.0, 12288", "NVIDIA RTX 5880 Ada Generation, 570.86.15, 8.9, 49140"),
        "x86-gpu",
        "7.0, 8.9; Riva 2.19.0 supports >=7.5",
    ),
    "gpu-memory-suffices": Broken(
        gpu("Tesla P4, 530.30.02, 7.5, 7680"), "x86-gpu", "8 GB; Riva 2.19.0 recommends 16 GB"
    ),
    "l4t-line-as-image": Broken(
        Recorded("jetson-36.4"), "jetson", "the Jetson runs L4T 36.4.7, the image of Riva 2.19.0"
    ),
    "jetpack-known": Broken(Recorded("jetson-36.4"), "jetson", "JetPack 6.2+b77; Riva 2.19.0 names 6.0"),
    "docker-answers": Broken(
        Recorded("gpu-runner", {INFO: Ran("", "permission denied while trying to connect to the Docker daemon", 1)}),
        "x86-gpu",
        "permission denied",
    ),
    "docker-gives-gpu": Broken(Recorded("jetson-36.4"), "jetson", "the runtimes io.containerd.runc.v2, runc only"),
    "container-toolkit-safe": Broken(
        Recorded("runtime-lost"), "x86-gpu", "Toolkit 1.16.1 has CVE-2025-23266 (critical)"
    ),
    "memlock-unlimited": Broken(Recorded("gpu-runner", files=NO_RAISE), "x86-gpu", "8.4 MB, and it may not raise it"),
    "image-present": Broken(
        Recorded("gpu-runner", {IMAGE: Ran(code=1)}, web=NOWHERE), "x86-gpu", "NGC does not answer"
    ),
    "ngc-reachable": Broken(
        Recorded("gpu-runner", web=NOWHERE), "x86-gpu", "does not answer: Name or service not known"
    ),
    "labels-true": Broken(Recorded("no-gpu"), "cpu", "'gpu', but no GPU answers", {"labels": ("self-hosted", "gpu")}),
}
UNPUBLISHED = {
    "riva-image-known": "no source names an image of Riva 2.17.0",
    "compute-capability-supported": "no source says what Riva 2.17.0 supports",
    "gpu-memory-suffices": "no source says what Riva 2.17.0 recommends",
    "cuda-served": "no source says which Riva 2.17.0 needs",
}


def test_every_rule_is_broken_here() -> None:
    """A rule that no machine breaks is not a rule yet; what is published of no Riva can only be unknown."""
    assert set(BREAKING) | set(UNPUBLISHED) == set(RULES)


@pytest.mark.parametrize("rule", BREAKING)
def test_a_broken_rule_says_what_and_what_to_do(rule: str) -> None:
    """The finding has the rule's outcome, the values, a reason and a remedy."""
    machine, target, says, options = BREAKING[rule]

    found = [each for each in findings(machine, job(target, **options))[rule] if each.outcome is RULES[rule].outcome]

    assert found
    assert says in found[0].what
    assert found[0].why
    assert found[0].fix


@pytest.mark.parametrize(("rule", "says"), UNPUBLISHED.items())
def test_what_nobody_publishes_is_unknown(rule: str, says: str) -> None:
    """A gap of the compatibility table is neither a success nor a failure, and names where we looked."""
    found = findings(Recorded("gpu-runner"), job("x86-gpu", riva="2.17.0"))[rule]

    assert found[0].outcome is Outcome.UNKNOWN
    assert says in found[0].what
    assert "https://" in found[0].why


@pytest.mark.parametrize(
    ("name", "target", "labels"),
    [
        ("gpu-runner", "x86-gpu", "self-hosted,linux,x64,gpu,x86-gpu,sm-90,cuda-13"),
        ("jetson-36.3", "jetson", "self-hosted,Linux,ARM64,jetson,gpu,l4t-36.3"),
        ("no-gpu", "cpu", "self-hosted,linux,x64,cpu"),
    ],
)
def test_a_good_runner_breaks_no_rule(name: str, target: str, labels: str) -> None:
    """Such machines get nothing worse than what nobody knows."""
    machine, asked = Recorded(name), job(target, labels=tuple(labels.split(",")))
    bad = {rule for rule, outcome in outcomes(machine, asked).items() if outcome.severity > Outcome.UNKNOWN.severity}

    assert bad == set()
    assert outcomes(machine, asked)["labels-true"] is Outcome.OK


def test_a_machine_without_a_gpu_is_calm() -> None:
    """For target cpu no GPU, no network and no engine are needed."""
    found = findings(Recorded("no-gpu", {INFO: Ran(missing=True)}), job())

    assert found["gpu-answers"][0].outcome is Outcome.OK
    assert found["docker-answers"][0].outcome is Outcome.NOTE
    assert found["ngc-reachable"][0].outcome is Outcome.NOTE
    assert "needs nothing from NGC" in found["ngc-reachable"][0].what


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_says_all_that_a_finding_needs(rule: Rule) -> None:
    """A stable id, a title, a reason, a remedy and a link: none is empty."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule.id)
    assert all((rule.title, rule.why, rule.fix))
    assert rule.link.startswith("https://")
