"""Looks at a machine: asks all the probes at once and makes facts of what they say."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ci.doctor.facts import Engine, Gpu, Graphics, Host, Jetson, System
from ci.doctor.job import Job
from ci.doctor.probe import Probe, Ran
from pipelines.compatibility import NGC
from pipelines.verdict.needs import Capacity, read_l4t

__all__ = ["PORTS", "REGISTRY", "observe"]

REGISTRY = f"https://{NGC}/v2/"
PORTS = (50051, 8000, 8001, 8002)
"""The API, and Triton's HTTP, gRPC and metrics, as in the guide's commands."""

_QUERY = ("nvidia-smi", "--query-gpu=name,driver_version,compute_cap,memory.total", "--format=csv,noheader,nounits")
_CAP_SYS_RESOURCE = 24  # capabilities(7): may raise limits
_LISTENING = "0A"  # a state of /proc/net/tcp

Fact = TypeVar("Fact")


def observe(probe: Probe, job: Job, *, folder: str) -> Host:
    """Looks at a machine that is to run a job. Probes run side by side: all take no longer than the slowest.

    Args:
        probe: The machine.
        job: Whose images are looked for, and whether NGC may be asked.
        folder: Where outputs will be written.
    """
    architecture = probe.run("uname", "-m").stdout.strip()
    images = job.images(architecture)
    with ThreadPoolExecutor(max_workers=16) as pool:

        def start(work: Callable[..., Fact], *arguments: Any) -> Callable[[], Fact]:
            return pool.submit(work, *arguments).result

        registry = start(probe.fetch, REGISTRY) if job.online else None
        query, smi = start(probe.run, *_QUERY), start(probe.run, "nvidia-smi")
        toolkit = start(probe.run, "nvidia-ctk", "--version")
        found = {image: start(probe.run, "docker", "image", "inspect", "--format={{.Id}}", image) for image in images}
        jetpack = start(probe.run, "dpkg-query", "--show", "--showformat=${Version}", "nvidia-jetpack")
        libc = start(probe.run, "getconf", "GNU_LIBC_VERSION")
        clock = start(probe.run, "timedatectl", "show", "--property=NTPSynchronized", "--value")
        capacity = start(probe.capacity, folder)
        info = _engine_info(probe.run("docker", "info", "--format={{json .}}"))
        image_disk = probe.capacity(info["DockerRootDir"]).disk if info.get("DockerRootDir") else None
        return Host(
            engine=_engine(probe, info, toolkit(), tuple(image for image in images if found[image]().ok)),
            graphics=_graphics(query(), smi(), probe.read("/proc/driver/nvidia/version")),
            jetson=_jetson(probe, jetpack()),
            system=_system(probe, architecture, libc(), clock(), capacity(), image_disk),
            registry=registry() if registry else None,
        )


def _engine_info(ran: Ran) -> dict[str, Any]:
    """What `docker info` says; where no server answers, `complaint` says why."""
    try:
        info: dict[str, Any] = json.loads(ran.stdout)
    except ValueError:
        info = {}
    if not info.get("ServerVersion"):
        info["complaint"] = next(iter(info.get("ServerErrors") or ()), ran.complaint)
    return info


def _engine(probe: Probe, info: dict[str, Any], toolkit: Ran, images: tuple[str, ...]) -> Engine:
    if "complaint" in info:
        return Engine(complaint=info["complaint"], toolkit=_version(toolkit))
    rootless = any("rootless" in option for option in info.get("SecurityOptions") or ())
    process = f"/proc/{probe.read('/var/run/docker.pid').strip()}"
    capabilities = re.search(r"^CapEff:\s+([0-9a-f]+)$", probe.read(f"{process}/status"), re.MULTILINE)
    return Engine(
        version=info["ServerVersion"],
        runtimes=tuple(info.get("Runtimes") or ()),
        default_runtime=info.get("DefaultRuntime", ""),
        devices=tuple(str(device.get("ID", "")) for device in info.get("DiscoveredDevices") or ()),
        rootless=rootless,
        folder=info.get("DockerRootDir", ""),
        memlock=_limit(probe.read(f"{process}/limits"), "Max locked memory")[1],
        raises_limits=bool(int(capabilities[1], 16) >> _CAP_SYS_RESOURCE & 1) if capabilities else None,
        toolkit=_version(toolkit),
        images=images,
    )


def _graphics(query: Ran, smi: Ran, module: str) -> Graphics:
    """`smi` is the plain command, whose header names CUDA; older drivers know no `compute_cap`, so both are read."""
    rows = [[cell.strip() for cell in line.split(",")] for line in query.stdout.splitlines()] if query.ok else []
    header = re.search(r"Driver Version: (\S+)\s+CUDA Version: (\S+)", smi.stdout) if smi.ok else None
    loaded = re.search(r"^NVRM version:.*?\s(\d+\.\d+[\d.]*)\s", module, re.MULTILINE)
    failed = smi if not smi.ok else query
    return Graphics(
        gpus=tuple(
            Gpu(name=row[0], compute_capability=_number(row[2]), memory=_gigabytes(row[3]))
            for row in rows
            if len(row) == 4
        ),
        driver=header[1] if header else rows[0][1] if rows and len(rows[0]) == 4 else "",
        module=loaded[1] if loaded else "",
        cuda=_number(header[2]) if header else "",
        complaint="" if failed.ok else failed.complaint,
        missing=smi.missing,
        hung=smi.hung or query.hung,
    )


def _jetson(probe: Probe, jetpack: Ran) -> Jetson:
    l4t = read_l4t(probe.read("/etc/nv_tegra_release"))
    if not l4t:
        return Jetson()
    model = probe.read("/proc/device-tree/model").rstrip("\0\n")
    return Jetson(l4t=l4t, jetpack=jetpack.stdout.strip() if jetpack.ok else "", model=model)


def _system(
    probe: Probe, architecture: str, libc: Ran, clock: Ran, capacity: Capacity, image_disk: int | None
) -> System:
    listening = {
        int(fields[1].rpartition(":")[2], 16)
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for fields in map(str.split, probe.read(table).splitlines()[1:])
        if len(fields) > 3 and fields[3] == _LISTENING
    }
    return System(
        architecture=architecture,
        glibc=libc.stdout.removeprefix("glibc").strip() if libc.ok else "",
        open_files=_limit(probe.read("/proc/self/limits"), "Max open files"),
        memory=capacity.memory,
        disk=capacity.disk,
        image_disk=image_disk,
        synchronised={"yes": True, "no": False}.get(clock.stdout.strip()) if clock.ok else None,
        taken_ports=tuple(port for port in PORTS if port in listening),
    )


def _limit(limits: str, name: str) -> tuple[str, str]:
    """The soft and the hard limit of a process, from its /proc/PID/limits."""
    found = re.search(rf"^{name}\s+(\S+)\s+(\S+)", limits, re.MULTILINE)
    return (found[1], found[2]) if found else ("", "")


def _version(ran: Ran) -> str:
    found = re.search(r"version (\d+(?:\.\d+)*(?:-rc\.\d+)?)", ran.stdout) if ran.ok else None
    return found[1] if found else ""


def _number(text: str) -> str:
    """A version such as 8.7; nvidia-smi says `N/A` and the like where there is none."""
    return text if re.fullmatch(r"\d+(\.\d+)*", text) else ""


def _gigabytes(mebibytes: str) -> float | None:
    return round(float(mebibytes) * 2**20 / 1e9, 1) if _number(mebibytes) else None
