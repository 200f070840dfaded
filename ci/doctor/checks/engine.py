"""The Docker engine, what gives containers the GPU, and the job's images."""

import re
from collections.abc import Iterator

from ci.doctor.facts import Engine, Host
from ci.doctor.findings import Finding, Outcome, Rule
from ci.doctor.job import Job
from pipelines.compatibility import compatibility, holds
from pipelines.sizes import in_words
from pipelines.verdict.rules import compatibility as verdict

__all__ = ["ANSWERS", "GPU_RUNTIME", "IMAGE_KNOWN", "IMAGE_PRESENT", "MEMLOCK", "TOOLKIT", "check"]

_OLDEST = ">=19.03"  # as the Quick Start scripts ask
_NAMES_GPUS = "nvidia.com/gpu"
_STRICT = {"runc", "io.containerd.runc.v2", "crun", "nvidia"}  # fail where they may not set a limit

ANSWERS = Rule(
    id="docker-answers",
    title="A Docker engine answers, 19.03 or newer",
    outcome=Outcome.FAILS,
    why="the stages of this job run in containers",
    fix="sudo systemctl start docker; `docker info` must work for the user that runs the jobs",
    link="https://docs.docker.com/engine/install/",
)
GPU_RUNTIME = Rule(
    id="docker-gives-gpu",
    title="The engine can give a container the GPU",
    outcome=Outcome.FAILS,
    why="`docker run --gpus` ends with `could not select device driver`, `--runtime nvidia` with `unknown or invalid "
    "runtime name`",
    fix="install nvidia-container-toolkit, `sudo nvidia-ctk runtime configure --runtime=docker`, restart docker",
    link="https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html",
)
TOOLKIT = Rule(
    id="container-toolkit-safe",
    title="No published advisory is about the NVIDIA Container Toolkit that is installed",
    outcome=Outcome.WARNING,
    why="a container can get out of its walls, and a runner starts containers for others",
    fix="sudo apt-get install --only-upgrade nvidia-container-toolkit, 1.17.8 or newer",
    link="https://raw.githubusercontent.com/CVEProject/cvelistV5/main/cves/2025/23xxx/CVE-2025-23266.json",
)
MEMLOCK = Rule(
    id="memlock-unlimited",
    title="The engine may give containers unlimited locked memory",
    outcome=Outcome.FAILS,
    why="the guide's `docker run --ulimit memlock=-1` ends with `error setting rlimit type 8: operation not permitted`",
    fix="LimitMEMLOCK=infinity in a drop-in of docker.service (rootless: of the user's manager), then restart docker",
    link="https://github.com/elastic/start-local/issues/66",
)
IMAGE_KNOWN = Rule.of(verdict.IMAGE_KNOWN, Outcome.UNKNOWN)
IMAGE_PRESENT = Rule(
    id="image-present",
    title="The job's images are here, or can be pulled",
    outcome=Outcome.FAILS,
    why="the first stage would end with a pull that fails",
    fix="get the registry in reach, or bring the image: `docker save` there, `docker load` here",
    link="https://docs.nvidia.com/deeplearning/riva/archives/2-19-0/model-overview.html",
)


def check(host: Host, job: Job) -> Iterator[Finding]:
    """Yields what containers need; where stages run without, only whether there is an engine."""
    engine = host.engine
    yield _answers(engine, job)
    if job.gpu:
        yield from _toolkit(engine)
    if not job.containers or engine.complaint:
        return
    if job.gpu:
        yield _gpu_runtime(engine, job)
    yield _memlock(engine)
    yield from _images(host, job)


def _answers(engine: Engine, job: Job) -> Finding:
    if engine.complaint:
        if not job.containers:
            return ANSWERS.note(f"no engine ({engine.complaint}); --runtime local needs none")
        return _no_engine(engine.complaint, job)
    version = re.match(r"\d+(\.\d+)*", engine.version)
    said = f"Docker {engine.version}{' rootless' if engine.rootless else ''}, default runtime {engine.default_runtime}"
    if job.containers and not (version and holds(_OLDEST, version[0])):
        return ANSWERS.broken(f"{said}; the Quick Start scripts ask for {_OLDEST}", fix="install a newer Docker")
    return ANSWERS.kept(said)


def _no_engine(complaint: str, job: Job) -> Finding:
    what = f"no engine: {complaint}"
    if "permission denied" in complaint.casefold():
        return ANSWERS.broken(
            what,
            why="the user that runs the jobs may not use its socket",
            fix="sudo usermod -aG docker USER and start the runner again; that user can become root here then, so use "
            "a machine for this alone, or rootless Docker",
        )
    if "not installed" in complaint:
        return ANSWERS.broken(what, fix="install Docker" if job.gpu else "install Docker, or leave it: --runtime local")
    return ANSWERS.broken(what)


def _toolkit(engine: Engine) -> Iterator[Finding]:
    if not engine.toolkit:
        yield TOOLKIT.unknown("nvidia-ctk is not installed or does not say its version")
        return
    advisories = compatibility().advisories_of("container-toolkit", engine.toolkit)
    for advisory in advisories:
        yield TOOLKIT.broken(f"NVIDIA Container Toolkit {engine.toolkit} has {advisory}")
    if not advisories:
        yield TOOLKIT.kept(f"NVIDIA Container Toolkit {engine.toolkit}")


def _gpu_runtime(engine: Engine, job: Job) -> Finding:
    runtimes = ", ".join(engine.runtimes) or "none"
    if "nvidia" in engine.runtimes:
        return GPU_RUNTIME.kept(f"runtimes {runtimes}")
    devices = [device for device in engine.devices if device.startswith(_NAMES_GPUS)]
    if devices and not job.jetson:
        return GPU_RUNTIME.kept(f"CDI devices {', '.join(devices)}")
    if engine.toolkit and not job.jetson:
        return GPU_RUNTIME.broken(
            f"the toolkit is installed, but the engine knows the runtimes {runtimes} only",
            why="`--gpus` works if the engine was started after the toolkit was installed; `--runtime nvidia` does not",
            outcome=Outcome.WARNING,
        )
    return GPU_RUNTIME.broken(f"the engine knows the runtimes {runtimes} only")


def _memlock(engine: Engine) -> Finding:
    if engine.rootless:
        return MEMLOCK.broken("the engine is rootless, and may raise no limit above its user's")
    if not engine.memlock:
        return MEMLOCK.unknown(
            "the engine's process is not to be seen from here", fix="docker run --ulimit memlock=-1 IMAGE"
        )
    if engine.memlock == "unlimited":
        return MEMLOCK.kept("the engine's own limit is unlimited")
    own = f"the engine's own limit is {in_words(int(engine.memlock))}"
    if engine.raises_limits is None:
        return MEMLOCK.unknown(f"{own}, and nothing says whether it may raise it")
    if engine.raises_limits:
        return MEMLOCK.kept(f"{own}, which it may raise (CAP_SYS_RESOURCE)")
    if engine.default_runtime in _STRICT:
        return MEMLOCK.broken(f"{own}, and it may not raise it (no CAP_SYS_RESOURCE)")
    return MEMLOCK.unknown(
        f"{own}, and it may not raise it; whether its runtime {engine.default_runtime} copes is not known",
        fix="docker run --ulimit memlock=-1 IMAGE tells",
    )


def _images(host: Host, job: Job) -> Iterator[Finding]:
    unreachable = host.registry is not None and bool(host.registry.complaint) and not job.image_prefix
    for image in job.images(host.system.architecture):
        if image in host.engine.images:
            yield IMAGE_PRESENT.kept(f"{image} is here")
        elif unreachable:
            yield IMAGE_PRESENT.broken(f"{image} is not here, and NGC does not answer")
        else:
            yield IMAGE_PRESENT.note(f"{image} is not here, and will be pulled")
    for cell in job.image_cells(host.system.architecture):
        if cell.value is None:
            yield IMAGE_KNOWN.unknown(
                f"no source names an image of Riva {job.riva.version} for {job.target}",
                why=f"looked at: {cell.source}: {cell.link}",
                fix=IMAGE_KNOWN.fix,
            )
