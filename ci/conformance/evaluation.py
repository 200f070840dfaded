"""The evaluation set: what is sent with what should come of it, as a NeMo manifest lists it.

A line with `audio_filepath` and `text` is an utterance, for speech recognition. A line with `text` and `punctuated` is
a passage, for punctuation; `recorded` is what the checkpoint's own framework made of it, where that is known.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ci.errors import BadEvaluation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Evaluation", "Passage", "Utterance", "choose", "read_evaluation"]

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Utterance:
    """A recording and the text spoken in it."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return self.path.stem

    @cached_property
    def _audio(self) -> "tuple[NDArray[np.float32], int]":
        import soundfile

        try:
            samples, rate = soundfile.read(self.path, dtype="float32")
        except (OSError, soundfile.LibsndfileError) as error:
            raise BadEvaluation(f"cannot read {self.path}: {error}", fix=f"correct {MANIFEST} or the file") from error
        if samples.ndim != 1:
            raise BadEvaluation(f"{self.path} has {samples.shape[1]} channels, expected 1", fix="mix it down")
        return samples, rate

    @property
    def samples(self) -> "NDArray[np.float32]":
        """Shape [samples], in [-1, 1]."""
        return self._audio[0]

    @property
    def rate(self) -> int:
        """Samples a second."""
        return self._audio[1]

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    @property
    def length(self) -> float:
        """What `shortest` and `longest` go by."""
        return self.seconds


@dataclass(frozen=True)
class Passage:
    """A text to send.

    Attributes:
        name: What reports call it.
        text: As it is sent.
        punctuated: As it should come back.
        recorded: As the checkpoint's own framework gave it back; None where that was not recorded.
    """

    name: str
    text: str
    punctuated: str = ""
    recorded: str | None = None

    @property
    def length(self) -> float:
        """What `shortest` and `longest` go by."""
        return len(self.text)


@dataclass(frozen=True)
class Evaluation:
    """An evaluation set, of one checkpoint or of several that are judged together."""

    utterances: tuple[Utterance, ...] = ()
    passages: tuple[Passage, ...] = ()

    def __add__(self, other: "Evaluation") -> "Evaluation":
        return Evaluation(self.utterances + other.utterances, self.passages + other.passages)


Item = TypeVar("Item", Utterance, Passage)


def read_evaluation(folder: Path) -> Evaluation:
    """Reads `folder/manifest.json`, a JSON object a line; paths in it are relative to the folder.

    Raises:
        BadEvaluation: The manifest is missing, empty or malformed, or names a file that is not there.
    """
    manifest = folder / MANIFEST if folder.is_dir() else folder
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        fix = f"give --evaluation a folder with a NeMo {MANIFEST}"
        raise BadEvaluation(f"cannot read {manifest}: {error.strerror}", fix=fix) from error
    evaluation = Evaluation()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            evaluation += _read(json.loads(line), manifest.parent, number)
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            what = f"{manifest}:{number}: not a manifest line: {error!r}"
            fix = 'expected {"audio_filepath": ..., "text": ...}, or {"text": ..., "punctuated": ...}'
            raise BadEvaluation(what, fix=fix) from error
        if missing := next((each.path for each in evaluation.utterances[-1:] if not each.path.is_file()), None):
            raise BadEvaluation(f"{manifest}:{number}: {missing} is not there", fix="was Git LFS pulled?")
    if evaluation == Evaluation():
        raise BadEvaluation(f"{manifest} lists nothing", fix="an evaluation set needs at least one line")
    return evaluation


def _read(entry: Mapping[str, Any], folder: Path, number: int) -> Evaluation:
    if "punctuated" in entry:
        passage = Passage(f"text {number}", str(entry["text"]), str(entry["punctuated"]), entry.get("recorded"))
        return Evaluation(passages=(passage,))
    return Evaluation((Utterance((folder / entry["audio_filepath"]).resolve(), str(entry["text"])),))


def choose(items: Sequence[Item], which: str | int) -> tuple[Item, ...]:
    """`all`, `shortest`, `longest`, or so many spread evenly over the set, which may be sorted by voice or length."""
    if which == "all" or not items:
        return tuple(items)
    if which == "shortest":
        return (min(items, key=lambda item: item.length),)
    if which == "longest":
        return (max(items, key=lambda item: item.length),)
    count = min(int(which), len(items))
    return tuple(items[index * len(items) // count] for index in range(count))
