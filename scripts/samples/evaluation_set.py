"""Makes the evaluation set: ``python -m scripts.samples.evaluation_set --out FOLDER``.

Its sentences and espeak-ng voice variants are never heard in training; two thirds are clean, a third has light noise.
"""

import argparse
import itertools
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from scripts.samples import grammar
from scripts.samples.data import coloured_noise, to_pcm16
from scripts.samples.speech import EVALUATION_VARIANTS, SAMPLE_RATE, Espeak, EspeakMissing, Samples, Voice

UTTERANCES = 120
SEED = 20_000
SHORTEST, LONGEST = 1.5, 8.0
OFTEN = 20


def _sentences() -> Iterator[str]:
    """Sentences to hold out of training, none with a word that training would then hardly hear."""
    source = grammar.sentences(grammar.seeded(SEED))
    drawn = [next(source) for _ in range(3 * UTTERANCES)]
    heard = Counter(word for text in itertools.islice(source, 10_000) for word in set(text.split()))
    return (text for text in drawn if all(heard[word] >= OFTEN for word in text.split()))


def evaluation_sentences() -> frozenset[str]:
    """The sentences that training leaves out; the evaluation set is drawn from them."""
    return frozenset(_sentences())


def _utterances() -> Iterator[tuple[str, Voice, Samples]]:
    """Text, voice and samples; sentences that are too short or too long when spoken are passed over."""
    espeak = Espeak()
    rng = grammar.seeded(SEED)
    generator = np.random.default_rng(SEED)
    made = 0
    for text in _sentences():
        voice = Voice.draw(rng, (EVALUATION_VARIANTS[made % len(EVALUATION_VARIANTS)],))
        said = espeak.speak(text, voice).samples
        before, after = (np.zeros(int(rng.uniform(0.15, 0.5) * SAMPLE_RATE), np.float32) for _ in range(2))
        samples = np.concatenate([before, said / np.max(np.abs(said)), after])
        if rng.random() < 1 / 3:
            samples = samples + coloured_noise(len(samples), 1.0, generator) * np.float32(
                10 ** (rng.uniform(-60, -45) / 20)
            )
        samples = to_pcm16(samples * np.float32(10 ** (rng.uniform(-15, -3) / 20)))
        if SHORTEST * SAMPLE_RATE <= len(samples) <= LONGEST * SAMPLE_RATE and made < UTTERANCES:
            made += 1
            yield text, voice, samples


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.samples.evaluation_set", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the FLAC files and manifest.json")
    out: Path = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)
    lines = []
    try:
        for number, (text, voice, samples) in enumerate(tqdm(_utterances(), total=UTTERANCES, unit="utterance")):
            name = f"{number:03d}.flac"
            soundfile.write(out / name, samples, SAMPLE_RATE, subtype="PCM_16", format="FLAC", compression_level=1.0)
            seconds = round(len(samples) / SAMPLE_RATE, 4)
            lines.append(json.dumps({"audio_filepath": name, "duration": seconds, "text": text, "voice": voice.name}))
    except EspeakMissing as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    (out / "manifest.json").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
