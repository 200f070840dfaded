"""The GPU and its driver; on a Jetson its software line, which stands for both."""

from collections.abc import Iterator

from ci.doctor.facts import Graphics, Host, Jetson
from ci.doctor.findings import Finding, Outcome, Rule
from ci.doctor.job import Job
from pipelines.compatibility import Cell, RivaVersion, holds
from pipelines.verdict.compatibility import check_l4t
from pipelines.verdict.rules.compatibility import L4T_LINE

__all__ = ["COMPUTE_CAPABILITY", "CUDA", "DRIVER_ONE", "GPU_ANSWERS", "GPU_MEMORY", "JETPACK", "L4T", "check"]

_MATRIX = "https://docs.nvidia.com/deeplearning/riva/archives/2-19-0/support-matrix/support-matrix.html"

GPU_ANSWERS = Rule(
    id="gpu-answers",
    title="The GPU that the target needs is there and answers",
    outcome=Outcome.FAILS,
    why="riva-deploy builds engines on the GPU, and Triton loads them there",
    fix="install NVIDIA's driver and load its module (`sudo modprobe nvidia`); or give the job target cpu",
    link="https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html",
)
DRIVER_ONE = Rule(
    id="driver-one-version",
    title="The driver's library and its kernel module are of one version",
    outcome=Outcome.FAILS,
    why="the driver was updated, and the old module is still loaded: every CUDA program fails until it goes",
    fix="restart the machine (or unload the nvidia modules); hold the driver's packages back on a runner",
    link="https://github.com/NVIDIA/nvidia-container-toolkit/issues/394",
)
COMPUTE_CAPABILITY = Rule(
    id="compute-capability-supported",
    title="The GPU is of a generation that this Riva supports",
    outcome=Outcome.FAILS,
    why="no engine can be built for it, which riva-deploy says after the images were pulled",
    fix="use a newer GPU, or an older Riva; pipelines/COMPATIBILITY.md says which",
    link=_MATRIX,
)
GPU_MEMORY = Rule(
    id="gpu-memory-suffices",
    title="The GPU has the memory that Riva's guide recommends",
    outcome=Outcome.WARNING,
    why="models that do not fit fail while Triton loads them",
    fix="deploy fewer models at once, or use a larger GPU",
    link=_MATRIX,
)
CUDA = Rule(
    id="cuda-served",
    title="The driver serves the CUDA of the image",
    outcome=Outcome.FAILS,
    why="the container starts and finds its GPU driver insufficient",
    fix="update the driver",
    link="https://docs.nvidia.com/deploy/cuda-compatibility/latest/index.html",
)
L4T = Rule.of(L4T_LINE, Outcome.FAILS)
JETPACK = Rule(
    id="jetpack-known",
    title="JetPack is the one that this Riva names",
    outcome=Outcome.NOTE,
    why="JetPack's libraries are those that containers get; the L4T line decides",
    fix="sudo apt-get install nvidia-jetpack",
    link=_MATRIX,
)


def check(host: Host, job: Job) -> Iterator[Finding]:
    """Yields what the target asks of a GPU; on `cpu` only what is there."""
    if job.jetson:
        yield from _jetson(host.jetson, job.riva)
    elif job.gpu:
        yield from _answers(host.graphics)
        yield from _suits(host.graphics, job)
    else:
        yield _not_needed(host)


def _not_needed(host: Host) -> Finding:
    if host.jetson.l4t:
        there = f"a Jetson with L4T {host.jetson.l4t} is"
    elif host.graphics.gpus:
        there = f"{_names(host.graphics)} is"
    else:
        there = "no NVIDIA GPU is"
    return GPU_ANSWERS.kept(f"{there} here; target cpu uses none")


def _answers(graphics: Graphics) -> Iterator[Finding]:
    if graphics.hung:
        loaded = f"; kernel module {graphics.module}" if graphics.module else ""
        yield GPU_ANSWERS.broken(
            f"nvidia-smi: {graphics.complaint}{loaded}",
            why="the driver hangs in the kernel, mostly since a GPU failed: every job would hang with it",
            fix="`sudo dmesg | grep -i xid` names the fault; take the runner out of service and restart the machine",
        )
    elif "version mismatch" in graphics.complaint or "NVML library version" in graphics.complaint:
        module = graphics.module or "of unknown version"
        yield DRIVER_ONE.broken(f"nvidia-smi: {graphics.complaint}; the kernel module is {module}")
    elif graphics.gpus:
        yield GPU_ANSWERS.kept(f"{_names(graphics)}, driver {graphics.driver}")
        yield DRIVER_ONE.kept(f"driver and kernel module {graphics.module or graphics.driver}")
    elif graphics.complaint and not graphics.missing and graphics.cuda:
        yield GPU_ANSWERS.unknown(f"driver {graphics.driver} answers, but not the query: {graphics.complaint}")
    else:
        yield GPU_ANSWERS.broken(f"nvidia-smi: {graphics.complaint or 'it lists no GPU'}")


def _suits(graphics: Graphics, job: Job) -> Iterator[Finding]:
    platform = job.platform
    if not graphics.gpus or platform is None:
        return
    yield _capability(graphics, platform.compute_capability, job.riva)
    yield _memory(graphics, platform.gpu_memory, job.riva)
    yield _cuda(graphics, platform.cuda, job.riva)


def _capability(graphics: Graphics, asked: Cell | None, riva: RivaVersion) -> Finding:
    found = [gpu.compute_capability for gpu in graphics.gpus]
    said = ", ".join(capability or "unknown" for capability in found)
    if asked is None or asked.value is None:
        return COMPUTE_CAPABILITY.unknown(f"{said}; {_unpublished('what', riva)} supports", why=_looked(asked))
    if not all(found):
        return COMPUTE_CAPABILITY.unknown(
            f"{said}; Riva {riva.version} supports {asked.value}", fix="update the driver"
        )
    if all(holds(asked.value, capability) for capability in found):
        return COMPUTE_CAPABILITY.kept(f"{said}; Riva {riva.version} supports {asked.value}")
    return COMPUTE_CAPABILITY.broken(
        f"{said}; Riva {riva.version} supports {asked.value} ({asked.evidence}: {asked.link})"
    )


def _memory(graphics: Graphics, asked: Cell | None, riva: RivaVersion) -> Finding:
    sizes = [gpu.memory for gpu in graphics.gpus if gpu.memory is not None]
    said = f"{min(sizes):.0f} GB" if sizes else "the GPU does not say how much memory it has"
    if not sizes:
        return GPU_MEMORY.unknown(said)
    if asked is None or asked.value is None:
        return GPU_MEMORY.unknown(f"{said}; {_unpublished('what', riva)} recommends", why=_looked(asked))
    recommended = f"{said}; Riva {riva.version} recommends {asked.value} GB"
    return GPU_MEMORY.kept(recommended) if min(sizes) >= asked.value else GPU_MEMORY.broken(recommended)


def _cuda(graphics: Graphics, asked: Cell, riva: RivaVersion) -> Finding:
    serves = f"driver {graphics.driver} serves CUDA {graphics.cuda or 'of an unknown version'}"
    if asked.value is None:
        return CUDA.unknown(f"{serves}; {_unpublished('which', riva)} needs", why=_looked(asked))
    if not graphics.cuda:
        return CUDA.unknown(f"{serves}; Riva {riva.version} needs {asked.value}")
    needs = f"{serves}, Riva {riva.version} needs {asked.value}"
    if holds(f">={asked.value}", graphics.cuda):
        return CUDA.kept(needs)
    if holds(f"=={asked.value.partition('.')[0]}.*", graphics.cuda):  # minor version compatibility, since CUDA 11
        return CUDA.broken(
            needs, why="within one major version it runs, without newer features", outcome=Outcome.WARNING
        )
    return CUDA.broken(needs)


def _jetson(jetson: Jetson, riva: RivaVersion) -> Iterator[Finding]:
    platform = riva.platforms["jetson"]
    built_for = platform.l4t.value if platform.l4t else None
    if not jetson.l4t:
        yield L4T.broken("this is no Jetson: /etc/nv_tegra_release is missing", fix="give the job another target")
        return
    board = jetson.model or "a Jetson"
    broken = [L4T.broken(finding.what, why=finding.why) for finding in check_l4t(riva, jetson.l4t)]
    yield from broken
    if not broken and built_for is None:
        yield L4T.unknown(f"{board}, L4T {jetson.l4t}; {_unpublished('which', riva)} is for", why=_looked(platform.l4t))
    elif not broken:
        yield L4T.kept(f"{board}, L4T {jetson.l4t}; Riva {riva.version} is for {built_for}")
    asked = platform.jetpack.value if platform.jetpack else None
    said = jetson.jetpack or "of an unknown version (package nvidia-jetpack is not installed)"
    if asked and jetson.jetpack.startswith(asked):
        yield JETPACK.kept(f"JetPack {said}")
    else:
        yield JETPACK.broken(f"JetPack {said}; Riva {riva.version} names {asked or 'none'}")


def _names(graphics: Graphics) -> str:
    names = [gpu.name for gpu in graphics.gpus]
    return ", ".join(f"{names.count(name)} x {name}" for name in dict.fromkeys(names))


def _unpublished(what: str, riva: RivaVersion) -> str:
    return f"no source says {what} Riva {riva.version}"


def _looked(cell: Cell | None) -> str:
    return f"looked at: {cell.source}: {cell.link}" if cell else ""
