"""The runner's labels against what the host really is: a label is a promise, and nobody else checks it."""

import re
from collections.abc import Iterator

from ci.doctor.facts import Host
from ci.doctor.findings import Finding, Outcome, Rule
from ci.doctor.job import Job
from pipelines.verdict.compatibility import JETSON

__all__ = ["LABELS_TRUE", "check"]

LABELS_TRUE = Rule(
    id="labels-true",
    title="Every label of the runner is true of the host",
    outcome=Outcome.FAILS,
    why="GitHub sends jobs by labels alone: this job, and others, would end up on a machine that cannot run them",
    fix="give the runner the labels of its host (Settings, Actions, Runners), or ci/targets.yaml those of the runner",
    link="https://docs.github.com/en/actions/how-tos/manage-runners/self-hosted-runners/use-in-a-workflow",
)

_PLAIN = {"self-hosted", "linux", "windows", "macos", "x64", "arm64", "arm", "cpu", "gpu", "jetson"}
_GPU_HOSTS = {"x86-gpu", "gpu-x86"}
_ARCHITECTURES = {"x64": "x86_64", "arm64": "aarch64"}
_L4T = re.compile(r"l4t-r?(\d+(?:\.\d+)*)|r(\d+\.\d+(?:\.\d+)*)")
_CAPABILITY = re.compile(r"sm[-_]?(\d+)(\d)")
_CUDA = re.compile(r"cuda-?(\d+(?:\.\d+)*)")


def check(host: Host, job: Job) -> Iterator[Finding]:
    """Yields the labels that are wrong, or that all are right; and those that say nothing that can be checked."""
    labels = list(dict.fromkeys(label.strip().casefold() for label in job.labels if label.strip()))
    if not labels:
        return
    wrong = [f"{label!r}, but {truth}" for label in labels if (truth := _contradiction(label, host))]
    if wrong:
        yield LABELS_TRUE.broken(f"the runner is labelled {'; '.join(wrong)}")
    strange = [label for label in labels if not _understood(label)]
    if strange:
        yield LABELS_TRUE.note(f"nothing is known of the labels {', '.join(strange)}")
    checked = [label for label in labels if label not in strange]
    if checked and not wrong:
        yield LABELS_TRUE.kept(", ".join(checked))


def _understood(label: str) -> bool:
    return label in _PLAIN | _GPU_HOSTS or any(form.fullmatch(label) for form in (_L4T, _CAPABILITY, _CUDA))


def _contradiction(label: str, host: Host) -> str:
    """What the host is instead; empty if the label is true, or if nothing speaks against it."""
    architecture, graphics, jetson = host.system.architecture, host.graphics, host.jetson
    has_gpu = bool(graphics.gpus or jetson.l4t)
    if label in {"windows", "macos"}:
        return "this is Linux"
    if label in _ARCHITECTURES and architecture and architecture != _ARCHITECTURES[label]:
        return f"this is {architecture}"
    if label == "gpu" or label in _GPU_HOSTS:
        if not has_gpu:
            return f"no GPU answers (nvidia-smi: {graphics.complaint or 'it lists no GPU'})"
        return f"this is {architecture}" if label in _GPU_HOSTS and architecture != "x86_64" else ""
    if label == JETSON:
        return "" if jetson.l4t else "this is no Jetson"
    return _wrong_version(label, host)


def _wrong_version(label: str, host: Host) -> str:
    if found := _L4T.fullmatch(label):
        l4t = host.jetson.l4t
        return "" if _begins(l4t, found[1] or found[2]) else f"this is L4T {l4t}" if l4t else "this is no Jetson"
    if found := _CAPABILITY.fullmatch(label):
        capabilities = {gpu.compute_capability for gpu in host.graphics.gpus if gpu.compute_capability}
        asked = f"{found[1]}.{found[2]}"
        return "" if not capabilities or asked in capabilities else f"the GPU has {', '.join(sorted(capabilities))}"
    if found := _CUDA.fullmatch(label):
        cuda = host.graphics.cuda
        return "" if not cuda or _begins(cuda, found[1]) else f"the driver serves CUDA {cuda}"
    return ""


def _begins(version: str, beginning: str) -> bool:
    return version == beginning or version.startswith(f"{beginning}.")
