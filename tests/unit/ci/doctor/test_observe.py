"""What a machine says of itself is understood: GPUs, engine, Jetson, limits, ports."""

import time

import pytest

from ci.doctor.facts import Gpu
from ci.doctor.observe import observe
from ci.doctor.probe import Ran
from tests.unit.ci.doctor.recordings import QUERY, Recorded, job, look


def test_a_gpu_is_described_by_its_driver() -> None:
    """Name, compute capability and memory come from the query; driver and CUDA from nvidia-smi's first lines."""
    graphics = look(Recorded("h100"), job("x86-gpu")).graphics

    assert graphics.gpus == (Gpu(name="NVIDIA H100 80GB HBM3", compute_capability="9.0", memory=85.5),)
    assert (graphics.driver, graphics.module, graphics.cuda) == ("580.159.04", "580.159.04", "13.0")
    assert not graphics.complaint


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.173.02  Tue Jun 23 08:38:17 UTC 2026\n", "580.173.02"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  565.57.01  Release Build  (dvs@U16)\n", "565.57.01"),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build  (buildbrain@)\n",
            "540.4.0",
        ),
        ("", ""),
    ],
    ids=["closed", "open", "jetson", "none"],
)
def test_the_kernel_module_has_a_version_of_its_own(text: str, module: str) -> None:
    """Both forms of /proc/driver/nvidia/version are read: https://github.com/nix-community/nixGL/issues/186."""
    machine = Recorded("h100", files={"/proc/driver/nvidia/version": text})

    assert look(machine, job()).graphics.module == module


def test_a_jetson_gpu_has_no_memory_of_its_own() -> None:
    """nvidia-smi of a Jetson answers N/A where others have figures; that is not an error."""
    machine = Recorded("jetson-36.4", {QUERY: Ran("Orin (nvgpu), 540.4.0, N/A, [N/A]")})
    graphics = look(machine, job("jetson")).graphics

    assert graphics.gpus == (Gpu(name="Orin (nvgpu)", compute_capability="", memory=None),)
    assert graphics.cuda == "12.6"


def test_a_jetson_names_its_line_and_board() -> None:
    """L4T line, JetPack and board come from three places."""
    jetson = look(Recorded("jetson-36.3"), job("jetson")).jetson

    assert (jetson.l4t, jetson.jetpack) == ("36.3.0", "6.0+b106")
    assert jetson.model == "NVIDIA Jetson AGX Orin Developer Kit"


def test_an_engine_is_described_by_itself_and_by_its_process() -> None:
    """Runtimes and folder come from docker info, what it may lock from its process; images are looked for by name."""
    host = look(Recorded("gpu-runner"), job("x86-gpu"))
    engine = host.engine

    assert (engine.version, engine.default_runtime, engine.toolkit) == ("28.0.0-rc.1", "runc", "1.17.8")
    assert "nvidia" in engine.runtimes
    assert (engine.memlock, engine.raises_limits, engine.rootless) == ("8388608", True, False)
    assert engine.images == ("nvcr.io/nvidia/riva/riva-speech:2.19.0",)
    assert host.system.image_disk == host.system.disk


@pytest.mark.parametrize(
    ("ran", "complaint"),
    [
        (Ran(missing=True), "it is not installed"),
        (Ran(hung=True), "it had not answered after 5 s"),
        (
            Ran('{"ServerVersion":"","ServerErrors":null}', "Cannot connect to the Docker daemon at unix:///x.\n", 1),
            "Cannot connect to the Docker daemon at unix:///x.",
        ),
        (
            Ran('{"ServerErrors":["permission denied while trying to connect"]}', "", 1),
            "permission denied while trying",
        ),
        (Ran("half a {", "", 0), "half a {"),
    ],
    ids=["missing", "hung", "down", "denied", "nonsense"],
)
def test_an_engine_that_does_not_answer_says_why(ran: Ran, complaint: str) -> None:
    """Its own words are kept."""
    engine = look(Recorded("gpu-runner", {"docker info --format={{json .}}": ran}), job("x86-gpu")).engine

    assert engine.complaint.startswith(complaint)


def test_ports_are_taken_by_listeners_only() -> None:
    """A connection from or to a port of the guide takes nothing; IPv6 counts too."""
    tcp = (
        "  sl  local_address rem_address   st\n"
        "   0: 00000000:1F40 00000000:0000 0A\n"  # 8000 listens
        "   1: 0100007F:1F41 0100007F:AEA4 01\n"  # 8001 is connected
    )
    tcp6 = "  sl  local_address rem_address st\n   0: 00000000000000000000000000000000:C383 0:0 0A\n"  # 50051
    machine = Recorded("no-gpu", files={"/proc/net/tcp": tcp, "/proc/net/tcp6": tcp6})

    assert look(machine, job()).system.taken_ports == (50051, 8000)


def test_probes_run_side_by_side() -> None:
    """Ten slow answers take as long as two: the processor, which images depend on, and all the rest."""

    class Slow(Recorded):
        def run(self, *command: str) -> Ran:
            time.sleep(0.2)
            return super().run(*command)

    started = time.monotonic()
    observe(Slow("gpu-runner"), job("x86-gpu", riva="2.16.0"), folder="/")

    assert time.monotonic() - started < 0.6


def test_ngc_is_not_asked_offline() -> None:
    """--offline asks nobody."""
    assert look(Recorded("gpu-runner"), job("x86-gpu", online=False)).registry is None
