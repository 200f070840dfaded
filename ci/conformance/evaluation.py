"""The evaluation set: utterances with what is said in them, as a NeMo manifest lists them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ci.errors import BadEvaluation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Utterance", "choose", "read_evaluation"]

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


def read_evaluation(folder: Path) -> tuple[Utterance, ...]:
    """Reads `folder/manifest.json`: a JSON object a line with `audio_filepath` (relative to the folder) and `text`.

    Raises:
        BadEvaluation: The manifest is missing, empty or malformed, or names a file that is not there.
    """
    manifest = folder / MANIFEST if folder.is_dir() else folder
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        fix = f"give --evaluation a folder with a NeMo {MANIFEST}"
        raise BadEvaluation(f"cannot read {manifest}: {error.strerror}", fix=fix) from error
    utterances = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            utterance = Utterance((manifest.parent / entry["audio_filepath"]).resolve(), str(entry["text"]))
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            what = f"{manifest}:{number}: not a manifest line: {error!r}"
            raise BadEvaluation(what, fix='expected {"audio_filepath": ..., "text": ...}') from error
        if not utterance.path.is_file():
            raise BadEvaluation(f"{manifest}:{number}: {utterance.path} is not there", fix="was Git LFS pulled?")
        utterances.append(utterance)
    if not utterances:
        raise BadEvaluation(f"{manifest} lists no utterance", fix="an evaluation set needs at least one")
    return tuple(utterances)


def choose(utterances: Sequence[Utterance], which: str | int) -> tuple[Utterance, ...]:
    """`all`, `shortest`, `longest`, or so many spread evenly over the set, which may be sorted by voice or length."""
    if which == "all" or not utterances:
        return tuple(utterances)
    if which == "shortest":
        return (min(utterances, key=lambda utterance: utterance.seconds),)
    if which == "longest":
        return (max(utterances, key=lambda utterance: utterance.seconds),)
    count = min(int(which), len(utterances))
    return tuple(utterances[index * len(utterances) // count] for index in range(count))
