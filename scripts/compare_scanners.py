#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "fickling==0.1.12",
#   "modelaudit==0.2.54",
#   "picklescan==1.0.5",
#   "pyyaml==6.0.3",
# ]
# ///
"""What the field's own scanners say of the hostile fixtures: writes the table in the firewall's README.

Needs an environment of its own, for example `uv run scripts/compare_scanners.py` (it reads the block above), or a
virtual environment with these packages. Takes some minutes: the scanners start anew for every file.

Each scanner is shown all that it can read: modelaudit the checkpoint, picklescan also the members and the records of
the weights, fickling the pickles among them. `unsafe` is what it says of nothing harmless: for picklescan a dangerous
global, for modelaudit a critical issue, for fickling at least LIKELY_OVERTLY_MALICIOUS (of everything that torch saves
it says LIKELY_UNSAFE).
"""

import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.hostile import archives, configurations, pickles  # noqa: E402

README = ROOT / "pipelines/verdict/firewall/README.md"
BEGIN, END = "<!-- scanners: begin -->", "<!-- scanners: end -->"
SAMPLES = sorted([*ROOT.glob("checkpoints/*/model.nemo"), *ROOT.glob("tests/assets/*/model.nemo")])
UNSAFE, CLEAN, FAILED = "unsafe", "clean", "cannot read it"
SECONDS, TIMED_OUT = 120, -1
QUIET = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "NO_COLOR": "1", "CI": "1"}


def main() -> None:
    """Scans every fixture and writes the table."""
    vectors = (*pickles.VECTORS, *configurations.VECTORS, *archives.VECTORS)
    rows = ["| fixture | rule that refuses it | picklescan | fickling | modelaudit |", "|---|---|---|---|---|"]
    said = []
    for vector in vectors:
        with TemporaryDirectory() as folder:
            said.append(scanned(vector.make(Path(folder), Path(folder) / "mark")))
        rows.append(f"| {vector.name} | `{vector.rule}` | " + " | ".join(said[-1]) + " |")
        print(rows[-1], flush=True)
    found = [str(words.count(UNSAFE)) for words in zip(*said, strict=True)]
    rows.append(f"| **found, of {len(vectors)}** | **{len(vectors)}** | **" + "** | **".join(found) + "** |")
    for sample in SAMPLES:
        rows.append(f"| harmless: {sample.parent.name} | none | " + " | ".join(scanned(sample)) + " |")
        print(rows[-1], flush=True)
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text("\n".join((before + BEGIN, "", *rows, "", END + after)), encoding="utf-8")


def scanned(checkpoint: Path) -> tuple[str, str, str]:
    """What picklescan, fickling and modelaudit say of a checkpoint."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        parts = [checkpoint, *_taken_apart(checkpoint, folder)]
        found = [path for path in parts if path.suffix == ".pkl" or path.read_bytes().startswith(b"\x80")]
        return (
            _worst([_picklescan(checkpoint), _picklescan(folder)]),
            _worst([_fickling(path, folder / "fickling.json") for path in found]),
            _modelaudit(checkpoint),
        )


def _taken_apart(checkpoint: Path, folder: Path) -> Iterator[Path]:
    """Writes members, and records of weights, each into a folder of its own."""
    size = checkpoint.stat().st_size  # a sparse member may claim more than any disk holds
    with tarfile.open(checkpoint) as tar:
        for number, member in enumerate(tar):
            stream = tar.extractfile(member) if member.isreg() and member.size <= size else None
            if stream is None or not Path(member.name).name:
                continue
            path = folder / str(number) / Path(member.name).name
            path.parent.mkdir()
            path.write_bytes(stream.read())
            yield path
            if zipfile.is_zipfile(path):
                yield from _records(path)


def _records(path: Path) -> Iterator[Path]:
    with zipfile.ZipFile(path) as archive:
        for number, record in enumerate(archive.infolist()):
            name = Path(record.filename).name
            if name.isdecimal():  # numbers
                continue
            try:
                content = archive.read(record)
            except (zipfile.BadZipFile, RuntimeError, NotImplementedError):  # what a scanner would meet as well
                continue
            target = path.parent / str(number) / name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)
            yield target


def _picklescan(path: Path) -> str:
    return {0: CLEAN, 1: UNSAFE}.get(_run("picklescan", "--path", str(path))[0], FAILED)


def _fickling(path: Path, report: Path) -> str:
    report.unlink(missing_ok=True)
    _run("fickling", "--check-safety", "--json-output", str(report), str(path))
    if not report.exists():
        return FAILED
    severities = re.findall(r'"severity": "(\w+)"', report.read_text(encoding="utf-8"))  # one for each pickle in a row
    return UNSAFE if any(severity.endswith("OVERTLY_MALICIOUS") for severity in severities) else CLEAN


def _modelaudit(path: Path) -> str:
    code, text = _run("modelaudit", "scan", "--quiet", "--no-cache", "--format", "json", str(path))
    if code not in (0, 1):
        return FAILED
    report, _ = json.JSONDecoder().raw_decode(text[text.index("{") :])  # log lines may follow
    return UNSAFE if any(issue["severity"] == "critical" for issue in report["issues"]) else CLEAN


def _run(program: str, *arguments: str) -> tuple[int, str]:
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    environment = {**os.environ, **QUIET}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return TIMED_OUT, ""
    return done.returncode, done.stdout


def _worst(words: list[str]) -> str:
    return next((word for word in (UNSAFE, CLEAN) if word in words), FAILED if words else "no pickle")


if __name__ == "__main__":
    main()
