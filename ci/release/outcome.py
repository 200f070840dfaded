"""What a target made of a model, as its job hands it over: RMIRs, and the report of the judge about exactly those.

<folder>/<model>/<target>/*.rmir  report/conformance.json  SHA256SUMS
<folder>/<model>/*.rmir           report/conformance.json                 # build/ of one machine, for one target
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.checksums import SUMS, check_sums
from ci.errors import NotProven
from ci.pipeline.checkpoint import Checkpoint
from ci.release.engines import check_no_engine
from pipelines.archive.archive import Archive
from pipelines.archive.encrypted_path import EncryptedPath, key_of_environment
from pipelines.digests import file_digest
from pipelines.errors import ForeignArchive

__all__ = ["Outcome", "Rmir", "read_outcome"]

_REPORT = Path("report", "conformance.json")
_FORMAT = "riva-conformance"


@dataclass(frozen=True)
class Rmir:
    """An RMIR that passed.

    Attributes:
        path: The file.
        sha256: Of the file; the one that the judge's report names.
        size: Bytes.
        manifest: What riva-build wrote into it; empty where that was NVIDIA's, whose archives only it reads.
    """

    path: Path
    sha256: str
    size: int
    manifest: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """A model on a target, proven.

    Attributes:
        target: The target.
        rmirs: What riva-build wrote there.
        report: What the judge wrote, as JSON.
        report_sha256: Of that file.
    """

    target: str
    rmirs: tuple[Rmir, ...]
    report: Mapping[str, Any]
    report_sha256: str


def read_outcome(checkpoint: Checkpoint, target: str, *, folder: Path) -> Outcome:
    """Reads what a target made of a model, and believes nothing that the digests do not say.

    Raises:
        NotProven: Something is missing, conformance did not pass, or judged other bytes.
        EngineFound: An RMIR is an engine, or holds one.
        ReleaseDamaged: The files are not those that the target's job handed over.
    """
    place = _place(checkpoint, target, folder)
    report, report_path = _report(place), place / _REPORT
    _check_report(report, checkpoint, report_path)
    judged = {
        row["output"]: row["sha256"]
        for row in report.get("facts", {}).get("Stages", ())
        if row["output"].endswith(".rmir")
    }
    found = {path.name: path for path in sorted(place.glob("*.rmir"))}
    if judged.keys() != found.keys() or not found:
        raise NotProven(
            f"{place} holds {_names(found)}; the report is about {_names(judged)}",
            why="files of two runs were mixed, or some were lost on the way",
            fix="run the stages of this target again",
        )
    return Outcome(
        target, tuple(_rmir(path, judged[name]) for name, path in found.items()), report, file_digest(report_path)
    )


def _place(checkpoint: Checkpoint, target: str, folder: Path) -> Path:
    place = folder / checkpoint.name / target
    if place.is_dir():
        if (place / SUMS).exists():
            check_sums(place)
        return place
    alone = folder / checkpoint.name
    if list(checkpoint.targets) == [target] and alone.is_dir():
        return alone
    raise NotProven(
        f"there is nothing of {checkpoint.name} for {target} in {folder}",
        why="the job of that target failed or was skipped",
        fix="look at that job; a release has every target that was planned",
    )


def _report(place: Path) -> dict[str, Any]:
    path = place / _REPORT
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotProven(f"there is no {path}", why="conformance did not run, or did not end") from None
    except ValueError as error:
        raise NotProven(f"{path} is not JSON: {error}") from error
    if not isinstance(report, dict) or report.get("format") != _FORMAT:
        raise NotProven(f"{path} is not a report of riva-conformance")
    return report


def _check_report(report: Mapping[str, Any], checkpoint: Checkpoint, path: Path) -> None:
    expected = f"{checkpoint.name} {checkpoint.version}"
    if report.get("title") != expected:
        raise NotProven(f"{path} is about {report.get('title')!r}, not {expected!r}", why="it is of another version")
    if report.get("outcome") not in ("pass", "known"):
        raise NotProven(
            f"{path}: conformance ended with {report.get('outcome')!r}",
            why=", ".join(f"{count} {kind}" for kind, count in report.get("counts", {}).items() if count),
            fix=f"open {path.with_suffix('.html')}: it says what failed",
        )


def _rmir(path: Path, judged: str) -> Rmir:
    digest = file_digest(path)
    if digest != judged:
        raise NotProven(
            f"{path} has sha256 {digest}; conformance judged {judged}",
            why="the file was made again, or changed, after it was judged",
            fix="run the stages again, and hand over what comes out together",
        )
    check_no_engine(path)
    try:
        with Archive.open(EncryptedPath(path, key_of_environment())) as archive:
            manifest = archive.manifest
    except ForeignArchive:
        manifest = {}
    return Rmir(path, digest, path.stat().st_size, manifest)


def _names(found: Mapping[str, object]) -> str:
    return ", ".join(sorted(found)) or "no RMIR"
