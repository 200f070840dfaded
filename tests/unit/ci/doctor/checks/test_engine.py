"""What the engine can and may, where it decides about a job."""

import json

import pytest

from ci.doctor.findings import Outcome
from ci.doctor.probe import Answer, Ran
from tests.unit.ci.doctor.recordings import Recorded, findings, job, recording

INFO = "docker info --format={{json .}}"
OURS = {"runtime": "container", "image_prefix": "riva-ci"}


def engine(name: str = "gpu-runner", **different: object) -> dict[str, Ran]:
    """What `docker info` said, with a difference."""
    said = next(entry["stdout"] for entry in recording(name)["commands"] if entry["line"] == INFO)
    return {INFO: Ran(json.dumps(json.loads(said) | different))}


@pytest.mark.parametrize(
    ("version", "outcome"),
    [
        ("18.06.1-ce", Outcome.FAILS),
        ("19.03.0", Outcome.OK),
        ("20.10.24+dfsg1", Outcome.OK),
        ("28.0.0-rc.1", Outcome.OK),
    ],
)
def test_the_engine_is_as_new_as_the_scripts_ask(version: str, outcome: Outcome) -> None:
    """Versions as distributions write them are understood; a job without containers does not care."""
    machine = Recorded("gpu-runner", engine(ServerVersion=version))

    assert findings(machine, job("x86-gpu"))["docker-answers"][0].outcome is outcome
    assert findings(machine, job())["docker-answers"][0].outcome is Outcome.OK


def test_who_may_not_use_the_engine_is_told_the_price() -> None:
    """The group docker is as good as root, which the remedy says."""
    machine = Recorded(
        "gpu-runner", {INFO: Ran("", "permission denied while trying to connect to the Docker daemon", 1)}
    )
    (finding,) = findings(machine, job("x86-gpu"))["docker-answers"]

    assert "usermod -aG docker" in finding.fix
    assert "root" in finding.fix


@pytest.mark.parametrize(
    ("different", "outcome"),
    [
        ({"Runtimes": {"runc": {}, "nvidia": {}}}, Outcome.OK),
        ({"Runtimes": {"runc": {}}, "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}]}, Outcome.OK),
        (
            {"Runtimes": {"runc": {}}, "DiscoveredDevices": [{"Source": "cdi", "ID": "docker.com/gpu=webgpu"}]},
            Outcome.WARNING,
        ),
        ({"Runtimes": {"runc": {}}}, Outcome.WARNING),
    ],
    ids=["runtime", "CDI", "another device", "toolkit only"],
)
def test_there_are_several_ways_to_a_gpu(different: dict[str, object], outcome: Outcome) -> None:
    """The runtime and CDI are fine; the toolkit alone depends on when the engine was started."""
    machine = Recorded("gpu-runner", engine(**different))

    assert findings(machine, job("x86-gpu"))["docker-gives-gpu"][0].outcome is outcome


def test_without_the_toolkit_nothing_gives_a_gpu() -> None:
    """`could not select device driver` is foretold."""
    machine = Recorded("gpu-runner", {**engine(Runtimes={"runc": {}}), "nvidia-ctk --version": Ran(missing=True)})
    (finding,) = findings(machine, job("x86-gpu"))["docker-gives-gpu"]

    assert finding.outcome is Outcome.FAILS
    assert "could not select device driver" in finding.why


@pytest.mark.parametrize(
    ("different", "files", "outcome"),
    [
        ({"SecurityOptions": ["name=rootless"]}, {}, Outcome.FAILS),
        ({}, {"/proc/1234/limits": "Max locked memory  unlimited  unlimited  bytes\n"}, Outcome.OK),
        ({}, {}, Outcome.OK),
        ({}, {"/proc/1234/status": "CapEff:\t000001fffeffffff\n"}, Outcome.FAILS),
        ({"DefaultRuntime": "clamped"}, {"/proc/1234/status": "CapEff:\t000001fffeffffff\n"}, Outcome.UNKNOWN),
        ({}, {"/proc/1234/status": ""}, Outcome.UNKNOWN),
        ({}, {"/var/run/docker.pid": ""}, Outcome.UNKNOWN),
    ],
    ids=["rootless", "unlimited", "may raise", "may not", "own runtime", "no capabilities", "elsewhere"],
)
def test_locked_memory_is_the_engines_to_give(
    different: dict[str, object], files: dict[str, str], outcome: Outcome
) -> None:
    """`--ulimit memlock=-1` fails where the engine has a limit that it may not raise."""
    machine = Recorded("gpu-runner", engine(**different), files=files)

    assert findings(machine, job("x86-gpu"))["memlock-unlimited"][0].outcome is outcome


def test_images_of_ones_own_are_looked_for_by_their_prefix() -> None:
    """--image-prefix stands for nvcr.io/nvidia/riva; NGC is not needed then."""
    offline = Answer(error="Name or service not known")
    (finding,) = findings(Recorded("no-gpu", web=offline), job(**OURS))["image-present"]

    assert finding.outcome is Outcome.NOTE
    assert "riva-ci/riva-speech:2.19.0 is not here" in finding.what


def test_both_images_of_an_older_riva_are_looked_for() -> None:
    """Riva 2.16 has the tools in an image of their own."""
    found = findings(Recorded("gpu-runner"), job("x86-gpu", riva="2.16.0"))["image-present"]

    assert [finding.what.split()[0].rpartition(":")[2] for finding in found] == ["2.16.0-servicemaker", "2.16.0"]
