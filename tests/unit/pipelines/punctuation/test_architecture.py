"""What one of NeMo's BERT models is, is read in its configuration and the shapes of its weights."""

import pytest

from pipelines.punctuation.architecture import describe
from tests import punctuation_checkpoints

NLP = "nemo.collections.nlp.models"
EMBEDDINGS = {"bert_model.embeddings.word_embeddings.weight": (30522, 768)}


def test_a_punctuation_model() -> None:
    """Family, heads and the number of word pieces."""
    described = describe(f"{NLP}.PunctuationCapitalizationModel", punctuation_checkpoints.config(), EMBEDDINGS)

    assert described is not None
    assert (described.family, described.heads) == ("BERT", ("punctuation", "capitalization"))
    assert str(described.tokens) == "30522 word pieces"
    assert described.sample_rate is None
    assert described.streaming is None


@pytest.mark.parametrize(
    ("name", "family"),
    [("distilbert-base-cased", "DistilBERT"), ("google/electra-small", "electra"), (7, "unknown")],
)
def test_the_family_is_that_of_the_pretrained_model(name: object, family: str) -> None:
    """NeMo names the model that training began with; a hostile configuration may hold anything there."""
    config = {"language_model": {"pretrained_model_name": name}}

    described = describe(f"{NLP}.QAModel", config, {})

    assert described is not None
    assert described.family == family
    assert str(described.tokens) == "unknown number of word pieces"


@pytest.mark.parametrize("obj_cls", ["", f"{NLP}.MTEncDecModel", "nemo.collections.asr.models.EncDecCTCModel"])
def test_other_kinds_are_left_to_other_rooms(obj_cls: str) -> None:
    """A translation or speech model has no BERT encoder."""
    assert describe(obj_cls, {}, {}) is None
