"""The sample checkpoints keep their promises: what training never hears, and that no word is lost to that."""

import json
import tarfile
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.export

ROOT = Path(__file__).parents[2]
EVALUATION = ROOT / "checkpoints/asr-en-US-commands/evaluation"
CHECKPOINTS = {
    "ctc": ROOT / "checkpoints/asr-en-US-commands/model.nemo",
    "conformer": ROOT / "tests/assets/asr-en-US-conformer/model.nemo",
}
ENOUGH = 10  # sentences of 20,000, far fewer than training draws


@pytest.fixture(scope="module")
def manifest() -> list[dict[str, str]]:
    return [json.loads(line) for line in (EVALUATION / "manifest.json").read_text(encoding="utf-8").splitlines()]


def test_training_hears_every_word_of_the_grammar() -> None:
    """Holding out sentences with a rare word must not hold out the word, which the model would never learn."""
    from scripts.samples import grammar
    from scripts.samples.evaluation_set import evaluation_sentences

    held_out = evaluation_sentences()
    rng = grammar.seeded(0)
    drawn = (grammar.sentence(rng) for _ in range(20_000))
    heard = Counter(word for text in drawn if text not in held_out for word in set(text.split()))

    assert len(grammar.words()) >= 100
    assert {word: heard[word] for word in grammar.words() if heard[word] < ENOUGH} == {}


def test_evaluation_sentences_and_voices_are_not_in_training(manifest: list[dict[str, str]]) -> None:
    from scripts.samples.evaluation_set import evaluation_sentences
    from scripts.samples.speech import TRAINING_VARIANTS

    assert len(manifest) >= 100
    assert {line["text"] for line in manifest} <= evaluation_sentences()
    assert {line["voice"].split("+")[1] for line in manifest}.isdisjoint(TRAINING_VARIANTS)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_saved_configuration_holds_no_path_of_its_maker(name: str) -> None:
    with tarfile.open(CHECKPOINTS[name]) as archive:
        member = archive.extractfile("./model_config.yaml")
        assert member is not None
        config = member.read().decode()

    assert "nemo_version: " in config
    assert [line for line in config.splitlines() if ": /" in line or "- /" in line] == []
