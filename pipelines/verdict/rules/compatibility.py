"""Versions: what the compatibility table says of this checkpoint, this Riva and this target together."""

from pipelines.errors import ExportFailed, UnsupportedCheckpoint, WaiverNeeded
from pipelines.verdict.findings import Outcome, Rule

__all__ = [
    "ADVISORY_WAIVED",
    "CLASS_DOCUMENTED",
    "CLASS_TAKEN",
    "ENVIRONMENT_LOCKED",
    "IMAGE_KNOWN",
    "L4T_LINE",
    "NEMO_COVERED",
    "PAIR_WORKS",
    "WAIVER_IN_DATE",
]

CLASS_TAKEN = Rule(
    id="riva-takes-class",
    title="The chosen Riva takes models of this class",
    outcome=Outcome.FAILS,
    why="its tools refuse the class, or build a pipeline that answers nothing, after hours of work",
    fix="choose a Riva version and target that pipelines/COMPATIBILITY.md lists for the class, or another model",
    link="https://github.com/NVIDIA-NeMo/Speech/issues/2743",
    error=UnsupportedCheckpoint,
)
CLASS_DOCUMENTED = Rule(
    id="riva-class-documented",
    title="Some source says whether the chosen Riva takes models of this class",
    outcome=Outcome.UNKNOWN,
    why="nobody has published that it works, and nobody that it does not",
    fix="try it, and add what came of it to pipelines/compatibility.yaml",
    link="https://github.com/nvidia-riva/nemo2riva/blob/main/README.md#supported-models",
)
IMAGE_KNOWN = Rule(
    id="riva-image-known",
    title="Some source names the server image of this Riva version for the target",
    outcome=Outcome.UNKNOWN,
    why="images changed their names between releases, so a name that is guessed may not exist",
    fix="choose a version whose image pipelines/COMPATIBILITY.md names, or add the name with its source to the table",
    link="https://docs.nvidia.com/deeplearning/riva/archives/2-19-0/model-overview.html",
)
ADVISORY_WAIVED = Rule(
    id="riva-advisory-waived",
    title="The chosen Riva has no published security advisory",
    outcome=Outcome.WAIVER,
    why="whoever reaches such a server can get past its access control; it is used knowingly or not at all",
    fix="use a newer version, or give pipeline.yaml a waiver with a reason and a day on which it expires",
    link="https://raw.githubusercontent.com/CVEProject/cvelistV5/main/cves/2025/23xxx/CVE-2025-23242.json",
    error=WaiverNeeded,
)
WAIVER_IN_DATE = Rule(
    id="waiver-in-date",
    title="No waiver of the chosen Riva has expired",
    outcome=Outcome.FAILS,
    why="a waiver was given for a while, and that is over: the reason may not hold any more",
    fix="use a newer version, or look at the reason again and give the waiver a new day",
    link="https://raw.githubusercontent.com/CVEProject/cvelistV5/main/cves/2025/23xxx/CVE-2025-23242.json",
    error=WaiverNeeded,
)
NEMO_COVERED = Rule(
    id="nemo-version-covered",
    title="The NeMo that saved the checkpoint is one that the NeMo of the export is known to restore",
    outcome=Outcome.UNKNOWN,
    why="a class of another NeMo cannot be resolved: the restore fails with a message about something else",
    fix="save the model again with a released NeMo that pipelines/COMPATIBILITY.md covers",
    link="https://github.com/NVIDIA-NeMo/Speech/issues/3462",
)
PAIR_WORKS = Rule(
    id="pair-works",
    title="No row of the known bad pairs matches the versions that meet here",
    outcome=Outcome.FAILS,
    why="somebody tried these versions together and reported that they do not work",
    fix="change one of the versions; the row of pipelines/compatibility.yaml says which",
    link="https://github.com/NVIDIA-NeMo/Speech/issues/8474",
    error=UnsupportedCheckpoint,
)
ENVIRONMENT_LOCKED = Rule(
    id="environment-as-locked",
    title="The export runs with the packages that were tried together",
    outcome=Outcome.UNKNOWN,
    why="a newer onnx writes graphs that the server refuses, another numpy breaks NeMo when it is imported",
    fix="run it through `nox -s export`, whose environment is installed from locks with hashes",
    link="https://github.com/NVIDIA-NeMo/Speech/issues/13204",
    error=ExportFailed,
)
L4T_LINE = Rule(
    id="l4t-line-as-image",
    title="The Jetson runs the L4T line that the Riva image was built for",
    outcome=Outcome.FAILS,
    why="the host's libraries are mounted into the container: with another line no model loads, after long downloads",
    fix="flash the JetPack that pipelines/COMPATIBILITY.md names, or choose a Riva version for the one that is there",
    link="https://github.com/dusty-nv/jetson-containers/issues/450",
)
