"""Makes the evaluation set: ``python -m scripts.samples.punctuation.evaluation_set --out FOLDER``.

A line of its manifest has ``text`` (what is sent), ``punctuated`` (what should come back) and ``held_out``: what of it
training never saw, which is its ``sentences``, or their ``templates`` or ``names`` as well.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from scripts.samples import grammar
from scripts.samples.punctuation import phrasebook

TEXTS = 150
SEED = 30_000
_SENTENCES = ((1, 1), (1, 3), (2, 4), (4, 7), (12, 30))  # fewest and most in a text, in turns; the last ones are long
_COMMON = 5000  # training sentences; what is among them stays with training, which would lose whole templates
_SPOKEN_COMMANDS = Path(__file__).parents[3] / "checkpoints/asr-en-US-commands/evaluation/manifest.json"


@dataclass(frozen=True)
class Text:
    """One line of the manifest."""

    text: str
    punctuated: str
    held_out: str


def _sentences(kind: str, rng: random.Random, common: frozenset[str]) -> Iterator[str]:
    while True:
        written = phrasebook.sentence(rng, phrasebook.EVALUATION[kind])
        if written not in common:
            yield written


@cache
def texts() -> tuple[Text, ...]:
    """The evaluation set, always the same."""
    rng = grammar.seeded(SEED)
    common = frozenset(phrasebook.sentence(rng, phrasebook.TRAINING) for _ in range(_COMMON))
    kinds = {kind: _sentences(kind, rng, common) for kind in phrasebook.EVALUATION}
    made = []
    for number in range(TEXTS):
        fewest, most = _SENTENCES[number % len(_SENTENCES)]
        kind = list(kinds)[number % len(kinds)]
        written = " ".join(next(kinds[kind]) for _ in range(rng.randint(fewest, most)))
        made.append(Text(text=phrasebook.spoken(written), punctuated=written, held_out=kind))
    return tuple(made)


@cache
def held_out_sentences() -> frozenset[str]:
    """Sentences that training leaves out, as they are spoken: those here and in the evaluation of the commands."""
    ours = {phrasebook.spoken(sentence) for text in texts() for sentence in split(text.punctuated)}
    commands = {json.loads(line)["text"] for line in _SPOKEN_COMMANDS.read_text(encoding="utf-8").splitlines()}
    return frozenset(ours | commands)


def split(written: str) -> list[str]:
    """The sentences of a text."""
    return written.replace("? ", "?\n").replace(". ", ".\n").splitlines()


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.samples.punctuation.evaluation_set", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for manifest.json")
    out: Path = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(asdict(text)) for text in texts())
    (out / "manifest.json").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
