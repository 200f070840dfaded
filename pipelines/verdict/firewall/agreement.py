"""What the parts of a checkpoint say about the same thing: configuration, weights, tokenizer.

Only what a part says is compared; what it leaves out is for the rules of the model. Sections are known by the classes
that they are made into, not by the model's class: hybrids and transducers have the same preprocessors and decoders.

Sources: NeMo 3.0.0, asr/modules/{audio_preprocessing,conv_asr,conformer_encoder}.py and asr/models/ctc_bpe_models.py;
NeMo 2.4.1, nlp/modules/common (BERT and its heads).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.archive.nemo import CONFIG, NEMO_REFERENCE, WEIGHTS, NemoCheckpoint
from pipelines.archive.values import class_name, number, section, text, texts, whole
from pipelines.verdict.findings import Finding
from pipelines.verdict.firewall.files import FILE_LIMIT
from pipelines.verdict.firewall.sentencepiece import NotSentencePiece, read_pieces
from pipelines.verdict.firewall.tensors import StateDict
from pipelines.verdict.rules.tokenizers import TOKENIZER_AGREES
from pipelines.verdict.rules.weights import RATES_AGREE, SHAPES_AGREE

__all__ = ["check_agreement"]

Size = tuple[str, int | None]
"""Where something is said, and how large it is; None where it is not said."""


def check_agreement(checkpoint: NemoCheckpoint, state: StateDict) -> Iterator[Finding]:
    """Yields where parts of a checkpoint contradict each other."""
    config = checkpoint.config
    yield from _check_rates(config)
    for group in (*_speech_sizes(config, state), *_text_sizes(checkpoint, state)):
        said = [(place, size) for place, size in group if size is not None]
        if len({size for _, size in said}) > 1:
            what = "; ".join(f"{place}: {size}" for place, size in said)
            yield SHAPES_AGREE.finding(f"{checkpoint.path}: these should be equal: {what}", where=said[0][0])
    yield from _check_tokenizer(checkpoint)


def _check_rates(config: Mapping[str, Any]) -> Iterator[Finding]:
    whole_model, features = config.get("sample_rate"), section(config, "preprocessor").get("sample_rate")
    if whole_model is not None and features is not None and whole_model != features:
        what = f"sample_rate is {whole_model}, preprocessor.sample_rate is {features}"
        yield RATES_AGREE.finding(f"{CONFIG}: {what}", where=f"{CONFIG}: preprocessor.sample_rate")


def _speech_sizes(config: Mapping[str, Any], state: StateDict) -> Iterator[tuple[Size, ...]]:
    features, encoder, decoder = (section(config, name) for name in ("preprocessor", "encoder", "decoder"))
    if class_name(features) == "AudioToMelSpectrogramPreprocessor":
        stacked = whole(features, "frame_splicing") or 1
        count = whole(features, "features")
        yield (
            (f"{CONFIG}: preprocessor.features (times frame_splicing)", count and count * stacked),
            (f"{CONFIG}: encoder.feat_in", whole(encoder, "feat_in")),
        )
        yield (
            (f"{CONFIG}: preprocessor.features", count),
            _dimension(state, "preprocessor.featurizer.fb", 1),
        )
        window, rate = number(features, "window_size"), number(features, "sample_rate")
        yield (
            (f"{CONFIG}: preprocessor.window_size in samples", int(window * rate) if window and rate else None),
            _dimension(state, "preprocessor.featurizer.window", 0),
        )
    if class_name(encoder) == "ConformerEncoder":
        yield (
            (f"{CONFIG}: encoder.d_model", whole(encoder, "d_model")),
            _dimension(state, "encoder.pre_encode.out.weight", 0),
        )
    if class_name(decoder) == "ConvASRDecoder":
        classes, tokens = whole(decoder, "num_classes"), len(texts(decoder, "vocabulary")) or None
        outputs = _dimension(state, "decoder.decoder_layers.0.weight", 0)
        yield (
            (f"{CONFIG}: decoder.vocabulary", tokens),
            (f"{CONFIG}: decoder.num_classes", classes if classes and classes > 0 else None),
            (f"{outputs[0]} (without blank)", outputs[1] and outputs[1] - 1),
        )
        yield (
            (f"{CONFIG}: decoder.feat_in", whole(decoder, "feat_in")),
            _dimension(state, "decoder.decoder_layers.0.weight", 1),
        )


def _text_sizes(checkpoint: NemoCheckpoint, state: StateDict) -> Iterator[tuple[Size, ...]]:
    """BERT: its embeddings have the rows that its configuration says, its heads a row for each label."""
    place, encoder = _member(checkpoint, "language_model", "config_file")
    for key, tensor, axis in (
        ("vocab_size", "word_embeddings", 0),
        ("hidden_size", "word_embeddings", 1),
        ("max_position_embeddings", "position_embeddings", 0),
    ):
        said = (f"{place}: {key}", whole(_json(encoder), key))
        yield said, _dimension(state, f"bert_model.embeddings.{tensor}.weight", axis)
    for head, key in (("punct", "punct_labels_file"), ("capit", "capit_labels_file")):
        labels_place, labels = _member(checkpoint, "class_labels", key)
        layers = whole(section(checkpoint.config, f"{head}_head"), "num_fc_layers") or 1
        last = f"{head}_classifier.mlp.layer{2 * (layers - 1)}.weight"
        yield (labels_place, labels.count(b"\n", 0, -1) + 1 if labels else None), _dimension(state, last, 0)


def _check_tokenizer(checkpoint: NemoCheckpoint) -> Iterator[Finding]:
    """A character or BPE model lists the pieces of its tokenizer as its vocabulary, in the same order."""
    place, content = _member(checkpoint, "tokenizer", "model_path")
    tokens = texts(section(checkpoint.config, "decoder"), "vocabulary")
    if text(section(checkpoint.config, "tokenizer"), "type") != "bpe" or not content or not tokens:
        return
    try:
        pieces = tuple(dict.fromkeys(read_pieces(content)))
    except NotSentencePiece as error:
        yield TOKENIZER_AGREES.finding(f"{place} is no SentencePiece model: {error}", where=place)
        return
    if pieces != tokens:
        index = next((i for i, pair in enumerate(zip(pieces, tokens, strict=False)) if pair[0] != pair[1]), None)
        first = "" if index is None else f"; token {index} is {pieces[index]!a} there and {tokens[index]!a} here"
        what = f"{place} has {len(pieces)} tokens, {CONFIG}: decoder.vocabulary has {len(tokens)}{first}"
        yield TOKENIZER_AGREES.finding(what, where=place)


def _dimension(state: StateDict, tensor: str, axis: int) -> Size:
    shape = state.shape(tensor)
    return f"{WEIGHTS}: {tensor}, dimension {axis}", shape[axis] if shape and len(shape) > axis else None


def _member(checkpoint: NemoCheckpoint, part: str, key: str) -> tuple[str, bytes]:
    """Returns the name and the content of the member that the configuration refers to; nothing where there is none."""
    name = text(section(checkpoint.config, part), key).removeprefix(NEMO_REFERENCE)
    there = name in checkpoint.names() and checkpoint.size(name) <= FILE_LIMIT
    return name, checkpoint.read(name) if there else b""


def _json(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):  # what is wrong with it is said by `files`
        return {}
    return found if isinstance(found, dict) else {}
