"""What a punctuation checkpoint holds besides its weights: word pieces, labels, the shape of its encoder.

The configuration says which member is which (their names carry a prefix that changes at every save), and is the same in
a `.nemo`, unpacked, and in a `.riva`; `Read` is how their members are got at. Values are not trusted to be of any type.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.archive.nemo import NEMO_REFERENCE
from pipelines.archive.values import number, section, text, whole
from pipelines.errors import BrokenCheckpoint, UnsupportedCheckpoint
from pipelines.punctuation.tokenization import SPECIAL_PIECES

__all__ = ["Contents", "Encoder", "Labels", "Read", "encoder_of", "labels_of", "read_contents", "vocabulary_of"]

Read = Callable[[str], bytes]
"""Returns a member by its name in the configuration, without `nemo:`; raises `BrokenCheckpoint` if it is not there."""

_SAVE_AGAIN = "save the model again with NeMo's save_to() where it was trained"
_LONGEST_LABEL = 8  # characters; a label is a mark


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What the two heads say of a word, by the number of the output.

    Args:
        punctuation: The mark that follows the word, or `pad`.
        capitalization: `U` for a capital at its start, or `pad`.
        pad: The label that means nothing.
    """

    punctuation: tuple[str, ...]
    capitalization: tuple[str, ...]
    pad: str


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """The shape of a BERT encoder, in the words of Hugging Face's BertConfig."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    hidden_act: str
    layer_norm_eps: float


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Everything but the weights.

    Args:
        vocabulary: Word pieces by number.
        labels: What the heads' outputs stand for.
        encoder: The shape of the encoder.
    """

    vocabulary: tuple[str, ...]
    labels: Labels
    encoder: Encoder

    @property
    def lower_case(self) -> bool:
        """Whether text is lower-cased and loses its accents first.

        Nothing in the archive says so but the vocabulary: one that was made with capitals has pieces with capitals.
        """
        return all(piece == piece.lower() for piece in self.vocabulary if not piece.startswith("["))


def read_contents(config: Mapping[str, Any], read: Read) -> Contents:
    """Reads what a configuration refers to.

    Raises:
        BrokenCheckpoint: Something is missing, or not what NeMo writes.
        UnsupportedCheckpoint: The encoder is not a BERT.
    """
    vocabulary, encoder = vocabulary_of(config, read), encoder_of(config, read)
    if len(vocabulary) > encoder.vocab_size:
        raise BrokenCheckpoint(
            f"tokenizer.vocab_file has {len(vocabulary)} pieces, the encoder knows {encoder.vocab_size}",
            "the vocabulary is another model's",
            _SAVE_AGAIN,
        )
    return Contents(vocabulary=vocabulary, labels=labels_of(config, read), encoder=encoder)


def vocabulary_of(config: Mapping[str, Any], read: Read) -> tuple[str, ...]:
    """The word pieces by number: one a line.

    Raises:
        BrokenCheckpoint: There is no vocabulary of word pieces.
    """
    pieces = _lines(read(_member(config, "tokenizer", "vocab_file")), "tokenizer.vocab_file")
    missing = [piece for piece in SPECIAL_PIECES if piece not in pieces]
    if missing:
        raise BrokenCheckpoint(
            f"tokenizer.vocab_file has no {', '.join(missing)} among its {len(pieces)} lines",
            f"it is no vocabulary of word pieces (tokenizer_name {section(config, 'tokenizer').get('tokenizer_name')})",
            "train with a BERT, whose tokenizer has a vocab.txt",
        )
    return pieces


def labels_of(config: Mapping[str, Any], read: Read) -> Labels:
    """The labels of both heads.

    Raises:
        BrokenCheckpoint: A label file is missing, empty, or does not begin with the label that means nothing.
    """
    common = section(config, "common_dataset_parameters") or section(config, "dataset")  # before NeMo 1.7: dataset
    pad = text(common, "pad_label") or "O"
    marks, capitals = (
        _labels(read(_member(config, "class_labels", key)), f"class_labels.{key}", pad)
        for key in ("punct_labels_file", "capit_labels_file")
    )
    return Labels(punctuation=marks, capitalization=capitals, pad=pad)


def encoder_of(config: Mapping[str, Any], read: Read) -> Encoder:
    """The shape of the encoder, from the file that NeMo saves with it; its name says only the family.

    Raises:
        BrokenCheckpoint: The file is missing, or not what Hugging Face writes.
        UnsupportedCheckpoint: It is not a BERT.
    """
    where = "language_model.config_file"
    try:
        found = json.loads(read(_member(config, "language_model", "config_file")))
    except (ValueError, RecursionError) as error:
        raise BrokenCheckpoint(f"{where} is not JSON: {error}", fix=_SAVE_AGAIN) from error
    if not isinstance(found, dict):
        raise BrokenCheckpoint(f"{where} is not a mapping but {type(found).__name__}", fix=_SAVE_AGAIN)
    kind, positions = text(found, "model_type"), text(found, "position_embedding_type") or "absolute"
    if kind != "bert" or positions != "absolute" or found.get("is_decoder"):
        raise UnsupportedCheckpoint(
            f"its encoder is {kind or 'not named'} (positions {positions}), expected bert (positions absolute)",
            "the other families have other weights and other tokenizers, and were never compared with NeMo",
            "train with a BERT such as bert-base-uncased",
        )
    sizes = {name: whole(found, name) or 0 for name in _SIZES}
    if wrong := [f"{name} {found.get(name)!r}" for name, size in sizes.items() if size < 1]:
        raise BrokenCheckpoint(f"{where}: {', '.join(wrong)}: expected whole numbers", fix=_SAVE_AGAIN)
    return Encoder(
        **sizes,
        hidden_act=text(found, "hidden_act") or "gelu",
        layer_norm_eps=number(found, "layer_norm_eps") or 1e-12,
    )


_SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)


def _member(config: Mapping[str, Any], part: str, key: str) -> str:
    value = text(section(config, part), key)
    if not value:
        raise BrokenCheckpoint(
            f"{part}.{key} is {section(config, part).get(key)!r}, expected the name of a file in the archive",
            "it was saved while the file could not be found",
            _SAVE_AGAIN,
        )
    return value.removeprefix(NEMO_REFERENCE)


def _lines(content: bytes, where: str) -> tuple[str, ...]:
    """Lines as Python's text files have them; the last may lack its end."""
    try:
        lines = content.decode("utf-8").replace("\r\n", "\n").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise BrokenCheckpoint(f"{where} is not text: {error}", fix=_SAVE_AGAIN) from error
    return tuple(lines)


def _labels(content: bytes, where: str, pad: str) -> tuple[str, ...]:
    labels = tuple(label.strip() for label in _lines(content, where))
    if len(labels) < 2 or labels[0] != pad or len(set(labels)) < len(labels) or max(map(len, labels)) > _LONGEST_LABEL:
        raise BrokenCheckpoint(
            f"{where} has the labels {', '.join(map(repr, labels))[:200]}",
            f"expected {pad!r}, which means nothing, and then at least one mark, each once",
            _SAVE_AGAIN,
        )
    return labels
