"""Models that passed conformance, as the jobs of their targets hand them over: small, and made in milliseconds."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from ci.checksums import write_sums
from ci.release.__main__ import main
from pipelines.archive.archive import Member, write_archive
from pipelines.digests import file_digest

MODEL = "marks"


class Workshop:
    """A repository with checkpoints, and what their targets made of them.

    Attributes:
        checkpoints: `checkpoints/` of the repository.
        outcomes: What the jobs handed over.
        assets: Where `assemble` puts the assets.
    """

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.checkpoints, self.outcomes, self.assets = root / "checkpoints", root / "outcomes", root / "dist"
        monkeypatch.setattr("ci.pipeline.checkpoint.CHECKPOINTS", self.checkpoints)
        locks = root / "locks"  # small ones: a bill of hundreds of packages takes a second
        locks.mkdir()
        for name in ("runtime-3.11", "runtime-3.12", "export-3.11", "export-3.12", "torch-cpu"):
            (locks / f"{name}.txt").write_text(f"numpy==1.26.4 \\\n    --hash=sha256:{'0' * 64}\n{name[:5]}==1.0\n")
        monkeypatch.setattr("ci.release.assemble.LOCKS", locks)

    def make(
        self, version: str, *, model: str = MODEL, targets: Sequence[str] = ("cpu",), weights: bytes = b"weights"
    ) -> None:
        """Declares a checkpoint, and makes what each target made of it; other weights make other bytes."""
        folder = self.checkpoints / model
        folder.mkdir(parents=True, exist_ok=True)
        declaration = {
            "checkpoint": {"path": "model.nemo"},
            "pipeline": "punctuation",
            "language": "en-US",
            "builds": {"punctuation": {}},
            "targets": list(targets),
            "version": version,
        }
        (folder / "pipeline.yaml").write_text(yaml.safe_dump(declaration))
        for target in targets:
            self.hand_over(version, model=model, target=target, weights=weights)

    def hand_over(self, version: str, *, model: str = MODEL, target: str = "cpu", weights: bytes = b"weights") -> Path:
        """What one target made; returns the folder."""
        place = self.outcomes / model / target
        (place / "report").mkdir(parents=True, exist_ok=True)
        rmir = place / f"{model}.rmir"
        write_rmir(rmir, weights=weights, target=target)
        self.judge(place, f"{model} {version}")
        return place

    def judge(self, place: Path, title: str, *, outcome: str = "pass") -> None:
        """Writes the report about the RMIRs of a folder, and SHA256SUMS."""
        stages = [{"stage": "build", "output": path.name, "sha256": file_digest(path)} for path in place.glob("*.rmir")]
        report = {
            "format": "riva-conformance",
            "title": title,
            "started": "2026-11-22T12:00:00+00:00",
            "seconds": 1.5,
            "outcome": outcome,
            "counts": {"pass": 30, "fail": int(outcome == "fail")},
            "measured": {"wrong marks": "0.5% of 5.00%"},
            "facts": {"Stages": stages},
        }
        (place / "report" / "conformance.json").write_text(json.dumps(report))
        write_sums(place)

    def assemble(self, tag: str, *, limit: str = "2GiB") -> Path:
        """Makes the assets of a tag; returns their folder."""
        assert main(self.command(tag, limit=limit)) == 0
        return self.assets

    def command(self, tag: str, *, limit: str = "2GiB") -> list[str]:
        """The command that makes the assets of a tag from all that was handed over."""
        made = [f"{p.parent.name}/{p.name}" for p in self.outcomes.glob(f"{tag.rpartition('/')[0] or '*'}/*")]
        places = ["--from", str(self.outcomes), "--into", str(self.assets), "--asset-limit", limit]
        return ["assemble", "--tag", tag, "--expect", " ".join(sorted(made)), *places]


def write_rmir(path: Path, *, weights: bytes, target: str = "cpu", name: str = "model_graph.onnx") -> None:
    """An RMIR with a network of some bytes; no two of it are alike."""
    blocks = [hashlib.sha256(weights + target.encode() + bytes([number])).digest() for number in range(100)]
    manifest = {
        "format": "rmir",
        "format_version": 1,
        "pipeline": "punctuation",
        "name": path.stem,
        "options": {"language_code": "en-US", "max_batch_size": 8},
        "options_set": ["language_code"],
        "inputs": [{"name": f"{path.stem}.riva", "sha256": "a" * 64}],
        "source": {
            "metadata": {"obj_cls": "PunctuationCapitalizationModel"},
            "riva_ci": {
                "versions": {"onnx": "1.23.2"},
                "parameters": 1234,
                "input": {"name": "model.nemo", "sha256": "b" * 64, "size": 99},
                "options": {"riva-version": "2.19.0"},
            },
        },
        "riva_ci": {"version": "0.1.0"},
    }
    write_archive(path, manifest, [Member(name, b"".join(blocks))], force=True)
