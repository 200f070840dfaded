"""`nox -s compare -- NAME --baseline FOLDER`: what a checkpoint came to, beside what it came to on the base branch.

Verdict, conformance, whatever was measured (accuracy, latency), and the sizes of what the stages made; on the terminal
and in the step summary. It judges nothing: limits are those of `pipeline.yaml`, and conformance has judged by them.
"""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci import github
from ci.arguments import ArgumentParser
from ci.artifacts import RECORDS
from ci.checksums import check_sums
from ci.errors import ReleaseDamaged
from ci.pipeline.checkpoint import find_checkpoints
from ci.pipeline.records import Record
from ci.pipeline.stages import BUILD
from ci.pipeline.verdict import REPORT
from pipelines.cli import run
from pipelines.sizes import in_words

__all__ = ["Result", "as_markdown", "main"]

_NUMBER = re.compile(r"(?P<value>[+-]?\d+(?:\.\d+)?) ?(?P<unit>%|s|ms)")


@dataclass(frozen=True)
class Result:
    """What a checkpoint came to.

    Attributes:
        texts: Verdict, conformance and what was measured, by name.
        sizes: Bytes of each output, by name.
    """

    texts: Mapping[str, str]
    sizes: Mapping[str, int]

    @classmethod
    def read(cls, folder: Path) -> "Result":
        """Reads the outputs of a checkpoint; what is not there is left out."""
        texts: dict[str, str] = {}
        if (verdict := _json(folder / REPORT / "verdict.json")) is not None:
            texts["verdict"] = verdict["checkpoints"][0]["outcome"]
        if (report := _json(folder / "report" / "conformance.json")) is not None:
            counts = ", ".join(f"{count} {outcome}" for outcome, count in report["counts"].items() if count)
            texts["conformance"] = f"{report['outcome']} ({counts})"
            texts |= {name: str(value) for name, value in report["measured"].items()}
        records = filter(None, map(Record.read, sorted((folder / RECORDS).glob("*.json"))))
        sizes = {name: content.size for record in records for name, content in record.outputs.items()}
        return cls(texts, {name: size for name, size in sizes.items() if name not in (REPORT, "report")})


def as_markdown(title: str, here: Result, base: Result | None, *, why_none: str = "") -> str:
    """The comparison as a section of the step summary.

    Args:
        title: Checkpoint and target.
        here: What was just judged.
        base: What it is compared with; None if there is nothing.
        why_none: Why there is nothing.
    """
    lines = [f"### {title}, compared with the base branch", ""]
    if base is None:
        lines += [f"There is nothing to compare with: {why_none}.", "", "| | here |", "| --- | --- |"]
        rows = [(name, text) for name, text in here.texts.items()]
        rows += [(name, in_words(size)) for name, size in here.sizes.items()]
        return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
    lines += ["| | base | here | change |", "| --- | --- | --- | --- |"]
    for name in dict.fromkeys((*here.texts, *base.texts)):
        before, after = base.texts.get(name, "none"), here.texts.get(name, "none")
        lines.append(f"| {name} | {before} | {after} | {_change(before, after)} |")
    for name in dict.fromkeys((*here.sizes, *base.sizes)):
        lines.append(f"| {name} | {_size(base, name)} | {_size(here, name)} | {_growth(base, here, name)} |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    return run(_main, argv)


@github.annotated("comparison")
def _main(argv: list[str]) -> int:
    parser = ArgumentParser(prog="nox -s compare --", description="Compares a checkpoint with its base.")
    parser.add_argument("name", metavar="NAME", help="the checkpoint, judged in this clone")
    parser.add_argument("--target", required=True, help="what it was judged on")
    parser.add_argument("--baseline", type=Path, required=True, metavar="FOLDER", help="holds NAME/TARGET of the base")
    parser.add_argument("--verbose", action="store_true", help="print tracebacks")
    options = parser.parse_args(argv)
    (folder,) = find_checkpoints([options.name])
    base, why_none = _baseline(options.baseline / folder.name / options.target)
    text = as_markdown(f"{folder.name} on {options.target}", Result.read(BUILD / folder.name), base, why_none=why_none)
    print(text)
    github.summarise(text)
    return 0


def _baseline(folder: Path) -> tuple[Result | None, str]:
    """What was received of the base, or why there is nothing; a report that arrived damaged is none."""
    if not folder.is_dir():
        return None, "the base branch was never judged with this checkpoint on this target, or its artifact has expired"
    try:
        check_sums(folder)
    except ReleaseDamaged as error:
        return None, error.what
    return Result.read(folder), ""


def _change(before: str, after: str) -> str:
    """The difference of two numbers with the same unit; of texts, that they differ."""
    if before == after:
        return ""
    old, new = _NUMBER.match(before), _NUMBER.match(after)
    if old is None or new is None or old["unit"] != new["unit"]:
        return "changed"
    return f"{float(new['value']) - float(old['value']):+.2f} {new['unit']}"


def _size(result: Result, name: str) -> str:
    return in_words(result.sizes[name]) if name in result.sizes else "none"


def _growth(base: Result, here: Result, name: str) -> str:
    before, after = base.sizes.get(name), here.sizes.get(name)
    if before == after or not before or after is None:
        return "" if before == after else "changed"
    return f"{100 * (after - before) / before:+.1f} %"


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
