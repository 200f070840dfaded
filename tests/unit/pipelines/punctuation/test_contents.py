"""What a punctuation checkpoint holds besides its weights is read through its configuration, and doubted."""

from collections.abc import Mapping
from typing import Any

import pytest

from pipelines.errors import BrokenCheckpoint, UnsupportedCheckpoint
from pipelines.punctuation.contents import Contents, read_contents
from tests.punctuation_checkpoints import ENCODER, MEMBERS, VOCABULARY, config, encoder_file


def contents(members: Mapping[str, bytes] = MEMBERS, **changes: Any) -> Contents:
    return read_contents(config(**changes), members.__getitem__)


def test_everything_is_found_by_the_names_in_the_configuration() -> None:
    """Members are called what the configuration says, whatever prefix this save gave them."""
    found = contents()

    assert found.vocabulary == VOCABULARY
    assert found.labels.punctuation == ("O", ",", ".", "?")
    assert found.labels.capitalization == ("O", "U")
    assert found.labels.pad == "O"
    assert (found.encoder.hidden_size, found.encoder.max_position_embeddings) == (8, 32)


@pytest.mark.parametrize(("piece", "lower"), [("Hello", False), ("ümlaut", True), ("[CAPITAL]", True), ("##B", False)])
def test_the_vocabulary_tells_whether_text_is_lower_cased(piece: str, lower: bool) -> None:
    """A vocabulary with capitals belongs to a cased model; the archive says it nowhere else."""
    vocabulary = "\n".join((*VOCABULARY[:-1], piece)).encode()

    assert contents({**MEMBERS, "1a_vocab.txt": vocabulary}).lower_case is lower


def test_pieces_keep_their_numbers() -> None:
    """Only line ends of text files part pieces: other separators, and empty lines, are pieces or parts of them."""
    vocabulary = b"[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n\xe2\x80\xa8\r\n\r\nlast\r\n"

    assert contents({**MEMBERS, "1a_vocab.txt": vocabulary}).vocabulary[4:] == ("\u2028", "", "last")


def test_old_configurations_name_the_neutral_label_elsewhere() -> None:
    """Before NeMo 1.7 the section was called `dataset`."""
    members = {**MEMBERS, "3c_punct_label_ids.csv": b"none\n.\n", "4d_capit_label_ids.csv": b"none\nU\n"}

    found = contents(members, common_dataset_parameters=None, dataset={"pad_label": "none"})

    assert found.labels.pad == "none"
    assert found.labels.punctuation == ("none", ".")


@pytest.mark.parametrize(
    ("changes", "members", "message"),
    [
        ({"tokenizer": {"vocab_file": None}}, MEMBERS, r"tokenizer.vocab_file is None, expected the name of a file"),
        ({"tokenizer": ["x"]}, MEMBERS, r"tokenizer.vocab_file is None"),
        ({"class_labels": {"punct_labels_file": 7}}, MEMBERS, r"class_labels.punct_labels_file is 7"),
        ({}, {**MEMBERS, "1a_vocab.txt": b"a\nb\n[PAD]\n"}, r"no \[UNK\], \[CLS\], \[SEP\] among its 3 lines"),
        ({}, {**MEMBERS, "1a_vocab.txt": b"\xff\xfe"}, r"tokenizer.vocab_file is not text"),
        ({}, {**MEMBERS, "3c_punct_label_ids.csv": b""}, r"punct_labels_file has the labels ''"),
        ({}, {**MEMBERS, "3c_punct_label_ids.csv": b",\nO\n."}, r"has the labels ',', 'O', '.'\s+expected 'O'"),
        ({}, {**MEMBERS, "3c_punct_label_ids.csv": b"O\n.\n."}, r"has the labels 'O', '.', '.'"),
        ({}, {**MEMBERS, "4d_capit_label_ids.csv": b"O\n" + b"x" * 500}, r"capit_labels_file has the labels 'O', 'x+"),
        ({}, {**MEMBERS, "2b_bert-base-uncased_encoder_config.json": b"{"}, r"config_file is not JSON"),
        ({}, {**MEMBERS, "2b_bert-base-uncased_encoder_config.json": b"[]"}, r"not a mapping but list"),
        (
            {},
            encoder_file(hidden_size="big", num_hidden_layers=-1),
            r"hidden_size 'big', num_hidden_layers -1: expected",
        ),
        ({}, encoder_file(vocab_size=9), r"vocab_file has 10 pieces, the encoder knows 9"),
    ],
    ids=lambda value: "" if isinstance(value, dict | Mapping) else None,
)
def test_what_nemo_does_not_write_is_refused(changes: Any, members: Mapping[str, bytes], message: str) -> None:
    """The message names the place and the value."""
    with pytest.raises(BrokenCheckpoint, match=message):
        contents(members, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "roberta"}, "its encoder is roberta"),
        ({"model_type": "distilbert"}, "its encoder is distilbert"),
        ({"model_type": None}, "its encoder is not named"),
        ({"position_embedding_type": "relative_key"}, "positions relative_key"),
        ({"is_decoder": True}, "expected bert"),
    ],
    ids=lambda value: "" if isinstance(value, str) else "-".join(value),
)
def test_other_encoders_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    """The message says which encoder it is and what to train instead."""
    assert ENCODER["model_type"] == "bert"

    with pytest.raises(UnsupportedCheckpoint, match=message) as refused:
        contents(encoder_file(**changes))

    assert "bert-base-uncased" in refused.value.fix
