"""The machine itself: processor, C library, memory, disk, limits, ports."""

from collections.abc import Iterator

from ci.doctor.facts import Host, System
from ci.doctor.findings import Finding, Outcome, Rule
from ci.doctor.job import Job
from ci.doctor.observe import PORTS
from pipelines.compatibility import holds
from pipelines.sizes import in_words
from pipelines.verdict.needs import EXPORT_FIXED, SERVE_FIXED

__all__ = ["ARCHITECTURE", "DISK", "GLIBC", "MEMORY", "OPEN_FILES", "PORTS_FREE", "check"]

_ARCHITECTURES = {"cpu": ("x86_64", "aarch64"), "x86-gpu": ("x86_64",), "jetson": ("aarch64",)}
_GLIBC = ">=2.35"  # the platform tag of the nvidia-pytriton wheel: manylinux_2_35
_ENVIRONMENTS = 3_000_000_000  # runtime and export together (ci/environments.py), and a little to work with
_IMAGES = 32_000_000_000  # Riva's current guide asks for about 32 GB for containers and models
_FILES = 1024  # streams, models and logs of one server; the default of most systems

ARCHITECTURE = Rule(
    id="architecture-of-target",
    title="The processor is of the kind that the target's images are built for",
    outcome=Outcome.FAILS,
    why="an image for another processor is pulled whole and then ends with `exec format error`",
    fix="give the job another target, or the runner other labels",
    link="https://docs.nvidia.com/deeplearning/riva/archives/2-19-0/support-matrix/support-matrix.html",
)
GLIBC = Rule(
    id="glibc-suffices",
    title="The C library is one that Triton's wheel runs on",
    outcome=Outcome.FAILS,
    why="the environments cannot be set up: pip finds no wheel of nvidia-pytriton for an older C library",
    fix="use Debian 12, Ubuntu 22.04 (JetPack 6) or newer",
    link="https://github.com/triton-inference-server/pytriton",
)
MEMORY = Rule(
    id="memory-free",
    title="There is memory for the smallest of models",
    outcome=Outcome.FAILS,
    why="the kernel would kill a stage, with nothing but a signal to say why; riva-verdict says what a model needs",
    fix="stop what else runs here, or use a larger machine",
    link="https://github.com/NVIDIA-NeMo/Speech/issues/4012",
)
DISK = Rule(
    id="disk-free",
    title="There is disk for environments, images and outputs",
    outcome=Outcome.WARNING,
    why="a full disk is noticed by the last stage, after all the others have done their work",
    fix="free space: `nox -s clean`, `docker system df`",
    link="https://docs.nvidia.com/deeplearning/riva/user-guide/docs/quick-start-guide.html",
)
OPEN_FILES = Rule(
    id="open-files-suffice",
    title="A process may open enough files and connections",
    outcome=Outcome.WARNING,
    why="a server at its limit refuses connections in the middle of a run",
    fix="LimitNOFILE=65536 in the unit of the runner's service, or `ulimit -n 65536` before it starts",
    link="https://docs.github.com/en/actions/how-tos/manage-runners/self-hosted-runners",
)
PORTS_FREE = Rule(
    id="ports-free",
    title=f"Nothing listens on {', '.join(map(str, PORTS))}",
    outcome=Outcome.WARNING,
    why="the guide's commands publish these ports: start-riva, or `docker run -p`, ends with `address already in use`",
    fix="`ss -ltnp` names who listens; a server of an earlier job: riva_stop.sh, or `docker ps` and `docker stop ID`",
    link="https://docs.nvidia.com/deeplearning/riva/archives/2-16-0/public/model-overview.html",
)


def check(host: Host, job: Job) -> Iterator[Finding]:
    """Yields a finding for each rule that applies."""
    system = host.system
    yield _architecture(system, job)
    yield _glibc(system)
    yield _memory(system)
    yield from _disk(host, job)
    yield _open_files(system)
    taken = system.taken_ports
    if taken:
        yield PORTS_FREE.broken(f"something listens on {', '.join(map(str, taken))}")
    else:
        yield PORTS_FREE.kept(f"{', '.join(map(str, PORTS))} are free")


def _architecture(system: System, job: Job) -> Finding:
    asked = _ARCHITECTURES[job.target]
    if not system.architecture:
        return ARCHITECTURE.unknown("uname does not say what processor this is")
    if system.architecture in asked:
        return ARCHITECTURE.kept(system.architecture)
    return ARCHITECTURE.broken(f"{system.architecture}; target {job.target} runs on {' and '.join(asked)}")


def _glibc(system: System) -> Finding:
    if not system.glibc:
        return GLIBC.broken("the C library is not glibc, or does not say its version")
    if holds(_GLIBC, system.glibc):
        return GLIBC.kept(f"glibc {system.glibc}")
    return GLIBC.broken(f"glibc {system.glibc}; the environments need {_GLIBC}")


def _memory(system: System) -> Finding:
    least = max(EXPORT_FIXED, SERVE_FIXED)
    if system.memory is None:
        return MEMORY.unknown("the kernel does not say how much memory is free")
    if system.memory < least:
        return MEMORY.broken(f"{in_words(system.memory)} free; the stages take {in_words(least)} before any model")
    return MEMORY.kept(f"{in_words(system.memory)} free")


def _disk(host: Host, job: Job) -> Iterator[Finding]:
    places = [("outputs and environments", host.system.disk, _ENVIRONMENTS)]
    if job.containers and not host.engine.complaint:
        # NVIDIA's images carry CUDA; those of this repository are a few hundred megabytes
        places.append(("images", host.system.image_disk, 0 if job.image_prefix else _IMAGES))
    for what, free, least in places:
        if free is None:
            yield DISK.unknown(f"nothing says how much disk is free for {what}")
        elif free < least:
            yield DISK.broken(f"{in_words(free)} free for {what}, which take about {in_words(least)}")
        else:
            yield DISK.kept(f"{in_words(free)} free for {what}")


def _open_files(system: System) -> Finding:
    soft, hard = system.open_files
    if not soft:
        return OPEN_FILES.unknown("the kernel does not say what the limit is")
    if soft != "unlimited" and int(soft) < _FILES:
        return OPEN_FILES.broken(f"a process may open {soft} files (at most {hard}), a server wants {_FILES}")
    return OPEN_FILES.kept(f"{soft} files a process (at most {hard})")
