"""What a machine says of itself: everything that the checks compare, gathered at once."""

import json
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from ci.doctor.probe import Answer, Probe, Ran
from pipelines.compatibility import NGC
from pipelines.verdict.needs import Capacity, read_l4t

__all__ = ["PORTS", "REGISTRY", "Engine", "Gpu", "Graphics", "Host", "Jetson", "System", "observe"]

REGISTRY = f"https://{NGC}/v2/"
PORTS = (50051, 8000, 8001, 8002)
"""The API, and Triton's HTTP, gRPC and metrics, as in the guide's commands."""

_QUERY = ("nvidia-smi", "--query-gpu=name,driver_version,compute_cap,memory.total", "--format=csv,noheader,nounits")
_CAP_SYS_RESOURCE = 24  # capabilities(7): may raise limits
_LISTENING = "0A"  # a state of /proc/net/tcp

Fact = TypeVar("Fact")


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The Docker engine.

    Args:
        complaint: Why it does not answer; empty if it does.
        version: For example 28.3.1.
        runtimes: Names of the OCI runtimes that it knows.
        default_runtime: The one that is used unless another is named.
        devices: CDI devices that it found, such as `nvidia.com/gpu=all`.
        rootless: Whether it runs without root.
        folder: Where it keeps images.
        memlock: Its own limit of locked memory, `unlimited` or bytes; empty if it does not say.
        raises_limits: Whether it may give containers more than it has; None if it does not say.
        toolkit: Version of the NVIDIA Container Toolkit; empty if there is none.
        images: Images of the job that are there.
    """

    complaint: str = ""
    version: str = ""
    runtimes: tuple[str, ...] = ()
    default_runtime: str = ""
    devices: tuple[str, ...] = ()
    rootless: bool = False
    folder: str = ""
    memlock: str = ""
    raises_limits: bool | None = None
    toolkit: str = ""
    images: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU as nvidia-smi describes it; `memory` is in GB, and None where it is shared with the CPU."""

    name: str
    compute_capability: str
    memory: float | None


@dataclass(frozen=True, kw_only=True)
class Graphics:
    """GPUs and their driver.

    Args:
        gpus: Those that answer.
        driver: Version that nvidia-smi names.
        module: Version of the kernel's module, which may be another.
        cuda: Newest CUDA that the driver serves.
        complaint: Why nvidia-smi does not answer; empty if it does.
        missing: Whether there is no nvidia-smi.
        hung: Whether it had to be left behind.
    """

    gpus: tuple[Gpu, ...] = ()
    driver: str = ""
    module: str = ""
    cuda: str = ""
    complaint: str = ""
    missing: bool = False
    hung: bool = False


@dataclass(frozen=True, kw_only=True)
class Jetson:
    """What a Jetson says of itself; all empty elsewhere. `l4t` is the line of Jetson Linux, such as 36.3.0."""

    l4t: str = ""
    jetpack: str = ""
    model: str = ""


@dataclass(frozen=True, kw_only=True)
class System:
    """The machine under all this.

    Args:
        architecture: As uname spells it.
        glibc: Version of the C library; empty if it is another library.
        open_files: Limit of this process, soft and hard; `unlimited` or a number, empty if unknown.
        memory: Bytes that processes may still take; None if unknown.
        disk: Bytes free where outputs are written.
        image_disk: Bytes free where the engine keeps images.
        synchronised: Whether the clock follows a time server; None if the machine does not say.
        taken_ports: Of `PORTS`, those on which something listens.
    """

    architecture: str = ""
    glibc: str = ""
    open_files: tuple[str, str] = ("", "")
    memory: int | None = None
    disk: int | None = None
    image_disk: int | None = None
    synchronised: bool | None = None
    taken_ports: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Host:
    """A machine; `registry` is NGC's answer, None if it was not asked."""

    engine: Engine
    graphics: Graphics
    jetson: Jetson
    system: System
    registry: Answer | None


def observe(probe: Probe, *, folder: str, images: Sequence[str], online: bool) -> Host:
    """Looks at a machine. Probes run side by side, so that all take no longer than the slowest.

    Args:
        probe: The machine.
        folder: Where outputs will be written.
        images: Images to look for in its engine.
        online: Whether NGC may be asked.
    """
    with ThreadPoolExecutor(max_workers=16) as pool:

        def start(work: Callable[..., Fact], *arguments: Any) -> Callable[[], Fact]:
            return pool.submit(work, *arguments).result

        registry = start(probe.fetch, REGISTRY) if online else None
        query, smi = start(probe.run, *_QUERY), start(probe.run, "nvidia-smi")
        toolkit = start(probe.run, "nvidia-ctk", "--version")
        found = {image: start(probe.run, "docker", "image", "inspect", "--format={{.Id}}", image) for image in images}
        jetpack = start(probe.run, "dpkg-query", "--show", "--showformat=${Version}", "nvidia-jetpack")
        uname, libc = start(probe.run, "uname", "-m"), start(probe.run, "getconf", "GNU_LIBC_VERSION")
        clock = start(probe.run, "timedatectl", "show", "--property=NTPSynchronized", "--value")
        capacity = start(probe.capacity, folder)
        info = _engine_info(probe.run("docker", "info", "--format={{json .}}"))
        image_disk = probe.capacity(info["DockerRootDir"]).disk if info.get("DockerRootDir") else None
        return Host(
            engine=_engine(probe, info, toolkit(), tuple(image for image in images if found[image]().ok)),
            graphics=_graphics(query(), smi(), probe.read("/proc/driver/nvidia/version")),
            jetson=_jetson(probe, jetpack()),
            system=_system(probe, uname(), libc(), clock(), capacity(), image_disk),
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


def _system(probe: Probe, uname: Ran, libc: Ran, clock: Ran, capacity: Capacity, image_disk: int | None) -> System:
    listening = {
        int(fields[1].rpartition(":")[2], 16)
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for fields in map(str.split, probe.read(table).splitlines()[1:])
        if len(fields) > 3 and fields[3] == _LISTENING
    }
    return System(
        architecture=uname.stdout.strip(),
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
