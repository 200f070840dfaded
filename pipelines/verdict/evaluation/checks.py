"""What speaks against an evaluation set, line by line and as a whole; of a recording a few numbers are kept."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.verdict.evaluation.manifest import Entry, read_manifest
from pipelines.verdict.evaluation.outliers import outliers
from pipelines.verdict.evaluation.transcripts import letters_of, same_language, unwritable
from pipelines.verdict.findings import Finding, Rule
from pipelines.verdict.rules import evaluation as rules
from pipelines.words import words_of

if TYPE_CHECKING:
    from pipelines.verdict.evaluation.recordings import Recording

__all__ = ["check_evaluation"]

GUIDE_RATE = 16_000  # Hz
_AUDIBLE = 1e-3  # of the largest sample: -60 dB
_LONGER = 0.1  # seconds by which a recording may differ from what the manifest says: its writer rounds
_MOSTLY_SILENT, _SILENT_SECONDS = 0.6, 2.0
_SHOWN = 5  # findings of a rule that are told one by one
_FEW = 0.5  # distinct transcripts, of all
_MANY_LINES = 20  # before their variety says anything


@dataclass
class _Set:
    """What is remembered of the lines before: where each was, and numbers to compare."""

    places: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    speeds: list[tuple[str, float]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    contents: dict[str, tuple[str, int]] = field(default_factory=dict)
    transcripts: Counter[int] = field(default_factory=Counter)


def check_evaluation(
    folder: Path, config: Mapping[str, Any], *, sample_rate: int | None, language: str = ""
) -> Iterator[Finding]:
    """Yields what speaks against an evaluation set.

    Args:
        folder: The folder with its manifest.json.
        config: The configuration of the checkpoint that is judged on it.
        sample_rate: What the model takes, in Hz; None for a model that takes text.
        language: What the pipeline is registered under, as a BCP-47 tag; empty if that is not known.
    """
    spoken = sample_rate is not None
    check_line = partial(_spoken, letters=letters_of(config), rate=sample_rate or 0) if spoken else _written
    return _few_of_each(_lines(folder, check_line, spoken=spoken, language=language))


def _lines(
    folder: Path, check_line: Callable[[Entry, _Set], Iterator[Finding]], *, spoken: bool, language: str
) -> Iterator[Finding]:
    seen = _Set()
    for entry in read_manifest(folder, spoken=spoken):
        if isinstance(entry, Finding):
            yield entry
            continue
        for tag in entry.languages:
            if language and not same_language(tag, language):
                what = f"the line is tagged {tag}, the pipeline is for {language}"
                yield rules.LANGUAGE_AS_DECLARED.finding(what, where=entry.where)
        yield from check_line(entry, seen)
    yield from _whole(seen)


def _written(entry: Entry, seen: _Set) -> Iterator[Finding]:
    """A line of a text evaluation."""
    plain, punctuated = words_of(entry.text), words_of(entry.punctuated)
    if plain != punctuated:
        odd = next((word for pair in zip(plain, punctuated, strict=False) if len(set(pair)) > 1 for word in pair), "")
        what = (
            f"`punctuated` has other words than `text`, from {odd!r} on"
            if odd
            else "`punctuated` has more or fewer words"
        )
        yield rules.PUNCTUATION_ONLY.finding(what, where=entry.where)
    before = seen.files.setdefault(" ".join(plain), entry.where)
    if before != entry.where:
        yield rules.RECORDED_ONCE.finding(f"the same text is in {before}", where=entry.where)


def _spoken(entry: Entry, seen: _Set, *, letters: frozenset[str] | None, rate: int) -> Iterator[Finding]:
    """A line with a recording."""
    from pipelines.verdict.evaluation.recordings import UnreadableRecording, read_recording

    if letters is not None and (odd := unwritable(entry.text, letters)):
        what = f"the model cannot write {' '.join(odd)} of {entry.text!r}"
        yield rules.TRANSCRIPT_IN_VOCABULARY.finding(what, where=entry.where)
    assert entry.audio is not None
    try:
        recording = read_recording(entry.audio)
    except UnreadableRecording as error:
        yield rules.AUDIO_READABLE.finding(f"{entry.audio.name}: {error}", where=entry.where)
        return
    yield from _format(entry, recording, rate)
    yield from _sound(entry, recording)
    yield from _copies(entry, recording, seen)
    seen.places.append(entry.where)
    seen.seconds.append(max(recording.seconds, 1e-3))
    seen.transcripts[hash(" ".join(words_of(entry.text)))] += 1
    spoken_seconds = recording.seconds * (1 - recording.silence)
    if entry.text.strip() and spoken_seconds > 0:
        seen.speeds.append((entry.where, len(entry.text) / spoken_seconds))


def _format(entry: Entry, recording: "Recording", rate: int) -> Iterator[Finding]:
    assert entry.audio is not None
    name = entry.audio.name
    if recording.channels != 1:
        what = f"{name} has {recording.channels} channels, expected 1"
        yield rules.AUDIO_READABLE.finding(what, where=entry.where, fix="mix it down, or take one channel")
    if not recording.lossless:
        what = f"{name} is {recording.coding} in {recording.container}, which loses sound"
        yield rules.LOSSLESS.finding(what, where=entry.where)
    if recording.rate < min(GUIDE_RATE, rate):
        what = f"{name} has {recording.rate} Hz, expected at least {min(GUIDE_RATE, rate)} Hz"
        yield rules.SAMPLE_RATE.finding(what, where=entry.where)
    elif recording.lower_rate is not None and recording.lower_rate < rate:
        what = f"{name} was converted to {recording.rate} Hz from about {recording.lower_rate} Hz"
        yield rules.NOT_RESAMPLED.finding(what, where=entry.where)


def _sound(entry: Entry, recording: "Recording") -> Iterator[Finding]:
    assert entry.audio is not None
    name, seconds = entry.audio.name, recording.seconds
    if entry.duration is not None and abs(entry.duration - seconds) > _LONGER:
        what = f"{name} lasts {seconds:.2f} s, the manifest says {entry.duration:.2f} s"
        yield rules.DURATION_AS_STATED.finding(what, where=entry.where)
    audible = recording.peak >= _AUDIBLE
    if entry.text.strip() and not audible:
        what = f"{name} is silent, but its transcript is {entry.text[:40]!r}"
        yield rules.SPEECH_AUDIBLE.finding(what, where=entry.where)
    elif audible and not entry.text.strip():
        yield rules.SPEECH_AUDIBLE.finding(f"{name} holds sound, but its transcript is empty", where=entry.where)
    elif audible and recording.silence > _MOSTLY_SILENT and recording.silence * seconds > _SILENT_SECONDS:
        what = f"{name}: {recording.silence * seconds:.1f} s of {seconds:.1f} s are silent"
        yield rules.SILENCE_USUAL.finding(what, where=entry.where)


def _copies(entry: Entry, recording: "Recording", seen: _Set) -> Iterator[Finding]:
    same_file = seen.files.setdefault(recording.sha256, entry.where)
    text = hash(" ".join(words_of(entry.text)))
    before, text_before = seen.contents.setdefault(recording.content_sha256, (entry.where, text))
    if before == entry.where:
        return
    how = "the same file" if same_file != entry.where else "the same sound in another file"
    yield rules.RECORDED_ONCE.finding(f"{how} is in {before}", where=entry.where)
    if text != text_before:
        what = f"{how} has another transcript in {before}"
        yield rules.SAME_TRANSCRIPT.finding(what, where=entry.where)


def _whole(seen: _Set) -> Iterator[Finding]:
    for place in outliers(seen.seconds):
        what = f"the recording lasts {seen.seconds[place]:.2f} s; the others are of another size"
        yield rules.DURATION_USUAL.finding(what, where=seen.places[place])
    for place in outliers([speed for _, speed in seen.speeds]):
        where, speed = seen.speeds[place]
        yield rules.SPEED_USUAL.finding(f"{speed:.1f} letters a second are said, unlike in the others", where=where)
    total = seen.transcripts.total()
    if total >= _MANY_LINES and len(seen.transcripts) < _FEW * total:
        what = f"{total} recordings say {len(seen.transcripts)} different things"
        yield rules.TEXTS_VARIED.finding(what, where="the manifest")


def _few_of_each(findings: Iterator[Finding]) -> Iterator[Finding]:
    """The first findings of each rule one by one, and the number of the others."""
    counts: Counter[Rule] = Counter()
    last: dict[Rule, Finding] = {}
    for finding in findings:
        counts[finding.rule] += 1
        last[finding.rule] = finding
        if counts[finding.rule] <= _SHOWN:
            yield finding
    for rule, count in counts.items():
        if count > _SHOWN:
            yield rule.finding(f"{count - _SHOWN} more like that", where=f"up to {last[rule].where}")
