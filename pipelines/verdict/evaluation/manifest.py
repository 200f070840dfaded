"""The manifest of an evaluation set: a JSON object a line, as NeMo writes them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.archive.values import number, text
from pipelines.verdict.findings import Finding
from pipelines.verdict.rules import evaluation as rules

__all__ = ["MANIFEST", "Entry", "read_manifest"]

MANIFEST = "manifest.json"
_LINE_LIMIT = 1 << 20  # an hour of speech is some 60 KB of text
_LANGUAGES = ("lang", "language", "language_code", "source_lang", "target_lang")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of a manifest.

    Args:
        where: `folder/manifest.json:line`, for findings.
        text: What is said, or the plain text of a text evaluation.
        audio: The recording; None in a text evaluation.
        duration: Seconds, if the line states them.
        punctuated: The text as it should be written, in a text evaluation.
        languages: Language tags of the line.
    """

    where: str
    text: str
    audio: Path | None = None
    duration: float | None = None
    punctuated: str = ""
    languages: tuple[str, ...] = ()


def read_manifest(folder: Path, *, spoken: bool) -> Iterator[Entry | Finding]:
    """Yields every line of `folder/manifest.json`, or what is wrong with it.

    Args:
        folder: The evaluation set; paths in the manifest count from it.
        spoken: Whether a line must name a recording.
    """
    manifest, count = folder / MANIFEST, 0
    try:
        with manifest.open("rb") as lines:
            number_of = 0
            while line := lines.readline(_LINE_LIMIT):
                number_of += 1
                if line.strip():
                    count += 1
                    yield _entry(line, folder, f"{folder.name}/{MANIFEST}:{number_of}", spoken=spoken)
    except OSError as error:
        where = f"{folder.name}/{MANIFEST}"
        yield rules.MANIFEST_VALID.finding(f"cannot read {manifest}: {error.strerror}", where=where)
        return
    if not count:
        yield rules.MANIFEST_VALID.finding(f"{manifest} lists nothing", where=f"{folder.name}/{MANIFEST}")


def _entry(line: bytes, folder: Path, where: str, *, spoken: bool) -> Entry | Finding:
    try:
        data: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        return rules.MANIFEST_VALID.finding(f"not a JSON object: {error}", where=where)
    if not isinstance(data, Mapping):
        return rules.MANIFEST_VALID.finding(f"a JSON object was expected, got {type(data).__name__}", where=where)
    if not isinstance(data.get("text"), str):
        return rules.MANIFEST_VALID.finding("the line has no `text`", where=where)
    audio = text(data, "audio_filepath")
    if spoken and not audio:
        return rules.MANIFEST_VALID.finding("the line has no `audio_filepath`", where=where)
    if not spoken and not text(data, "punctuated"):
        fix = 'write {"text": the plain text, "punctuated": the text as it should be written}'
        return rules.MANIFEST_VALID.finding("the line has no `punctuated`", where=where, fix=fix)
    return Entry(
        where=where,
        text=text(data, "text"),
        audio=folder / audio if audio else None,
        duration=number(data, "duration"),
        punctuated=text(data, "punctuated"),
        languages=tuple(tag for name in _LANGUAGES if (tag := text(data, name))),
    )
