"""What the interrupted tools are given, and what they have imported and done once before."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.archive.nemo import NemoCheckpoint
from pipelines.stages import export
from pipelines.stages.deploy import DeployRequest, deploy
from pipelines.verdict.clean import CleanCheckpoint
from tests.exports import COMPARISON, EXPORT, ISOLATION
from tests.nemo_checkpoints import write_nemo
from tests.tones.archive import tone_network, write_riva, write_rmir

__all__ = ["OUTPUTS", "commands", "prepare", "stand_in_for_nemo"]

GRAPH = 300_000  # bytes of a graph that no tool looks into
OUTPUTS = {"nemo2riva": "a.riva", "riva_build": "a.rmir", "riva_deploy": "models"}


def commands(key: str = "") -> dict[str, list[str]]:
    """The arguments of each tool; outputs are replaced."""
    suffix = f":{key}" if key else ""
    return {
        "nemo2riva": ["-f", "--out=out/a.riva", "in/a.nemo", *([f"--key={key}"] if key else [])],
        "riva_build": ["speech_recognition", "-f", f"out/a.rmir{suffix}", "in/b.riva", "--language_code=en-US"],
        "riva_deploy": ["-f", "in/a.rmir", "out/models"],
    }


def prepare(root: Path) -> None:
    """Makes inputs in `in` and older outputs in `old`, and lets this process export without NeMo."""
    inputs, old = root / "in", root / "old"
    inputs.mkdir()
    for tool in OUTPUTS:
        (old / tool).mkdir(parents=True)
    write_nemo(inputs / "a.nemo", members={f"list_{number}.txt": b"word\n" * 1000 for number in range(3)})
    riva = write_riva(inputs / "a.riva", graph=tone_network().SerializeToString())
    write_rmir(inputs / "a.rmir", riva)
    write_riva(inputs / "b.riva", graph=bytes(range(256)) * (GRAPH // 256))
    write_riva(old / "nemo2riva" / "a.riva", masks=True)
    older = write_rmir(old / "riva_build" / "a.rmir", riva, name="older")
    deploy(DeployRequest(rmirs=(EncryptedPath(older),), repository=old / "riva_deploy" / "models"))

    stand_in_for_nemo()


def stand_in_for_nemo() -> None:
    """Takes the place of NeMo's and ONNX Runtime's processes in this one.

    Everything else of nemo2riva is the real thing: reading, judging, packing and writing.
    """

    def run(job: Any, checkpoint: NemoCheckpoint, *_arguments: Any, **_named: Any) -> Any:
        Path(job.graph).write_bytes(bytes(range(256)) * (GRAPH // 256))
        clean = CleanCheckpoint(path=checkpoint.path, sha256="1" * 64, size=1, source_sha256="2" * 64)
        return SimpleNamespace(export=EXPORT, comparison=COMPARISON, clean=clean, isolation=ISOLATION)

    export._run = run
    export.check_environment = lambda *_arguments, **_named: []  # NeMo is not installed beside Triton
