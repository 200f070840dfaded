"""What the configuration of a NeMo speech recognition model says about it, whether it can be exported or not.

The words are those of NeMo 3.0's model configurations (examples/asr/conf). The configuration is hostile: any value may
be of any type.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Any

from pipelines.archive.values import class_name, number, section, text, texts, whole
from pipelines.speech_recognition.checkpoint import receptive_field
from pipelines.verdict.facts import Architecture, Features, Streaming, Tokens

__all__ = ["describe"]

_MODULE = "nemo.collections.asr.models."
_FEATURES = {"AudioToMelSpectrogramPreprocessor": "mel", "AudioToMFCCPreprocessor": "MFCC"}
_ENCODERS = {
    "SqueezeformerEncoder": "Squeezeformer",
    "RNNEncoder": "LSTM",
    "LSTMEncoder": "LSTM",
    "EncoderWithConv": "Conformer",
}
_TRANSDUCER_DECODERS = ("rnnt", "tdt")
# More than any convolutional encoder has; a hostile one could name a billion.
_BLOCKS, _REPEATS, _SIZE, _STRIDE = 200, 100, 10_000, 1024
_RARE = 0.05  # of the letters: a vocabulary has a few of other languages


def describe(obj_cls: str, config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Architecture | None:
    """Says what a model is; None if it is not one of NeMo's collection for speech recognition.

    The configuration says it all; the shapes of the weights are not asked.
    """
    if not obj_cls.startswith(_MODULE):
        return None
    encoder, preprocessor = section(config, "encoder"), section(config, "preprocessor")
    features = _features(preprocessor)
    heads = _heads(obj_cls, config)
    return Architecture(
        family=_family(encoder),
        heads=heads,
        sample_rate=whole(config, "sample_rate") or whole(preprocessor, "sample_rate"),
        features=features,
        tokens=_tokens(config),
        streaming=_streaming(config, heads, features),
    )


def _family(encoder: Mapping[str, Any]) -> str:
    name = class_name(encoder)
    if name == "ConformerEncoder":
        return "FastConformer" if text(encoder, "subsampling") == "dw_striding" else "Conformer"
    if name == "ConvASREncoder":
        blocks = _blocks(encoder)
        if any(block.get("se") for block in blocks):
            return "Citrinet" if text(encoder, "activation") != "swish" else "ContextNet"
        return "QuartzNet" if any(block.get("separable") for block in blocks) else "Jasper"
    return _ENCODERS.get(name, name or "unknown")


def _heads(obj_cls: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    name = obj_cls.rpartition(".")[2]
    transducer = (_transducer(config),) if "RNNT" in name else ()
    ctc = ("CTC",) if "CTC" in name else ()
    others = {"MultiTask": "AED", "Classification": "classes", "SpeakerLabel": "speakers", "SLU": "AED"}
    return transducer + ctc or tuple(head for part, head in others.items() if part in name)


def _transducer(config: Mapping[str, Any]) -> str:
    """RNNT, or TDT (Xu et al. 2023) whose joint network also gives durations."""
    durations = section(config, "model_defaults").get("tdt_durations") or section(config, "decoding").get("durations")
    named = (text(section(config, "loss"), "loss_name"), text(section(config, "decoding"), "model_type"))
    return "TDT" if durations or "tdt" in named else "RNNT"


def _features(preprocessor: Mapping[str, Any]) -> Features:
    name = class_name(preprocessor)
    window, stride = number(preprocessor, "window_size"), number(preprocessor, "window_stride")
    return Features(
        kind=_FEATURES.get(name, name or "unknown"),
        count=whole(preprocessor, "features") or whole(preprocessor, "n_mfcc"),
        window_ms=window and round(1000 * window, 3),
        stride_ms=stride and round(1000 * stride, 3),
        normalize=text(preprocessor, "normalize"),
    )


def _tokens(config: Mapping[str, Any]) -> Tokens:
    decoder, joint, tokenizer = section(config, "decoder"), section(config, "joint"), section(config, "tokenizer")
    vocabulary = texts(decoder, "vocabulary") or texts(joint, "vocabulary") or texts(config, "labels")
    counted = (whole(decoder, "num_classes"), whole(joint, "num_classes"), whole(decoder, "vocab_size"))
    letters = "".join(sorted({letter for token in vocabulary for letter in token.casefold() if letter.isalpha()}))
    return Tokens(
        kind=f"{text(tokenizer, 'type') or 'unknown'} tokens" if tokenizer else "characters",
        count=len(vocabulary) or next((count for count in counted if count is not None and count > 0), None),
        letters=letters,
        scripts=_scripts(letters),
        languages=tuple(str(name) for name in section(tokenizer, "langs")),
    )


def _scripts(letters: str) -> tuple[str, ...]:
    """The writing systems of letters, by the first word of their Unicode names."""
    counts = Counter(unicodedata.name(letter, "unknown").partition(" ")[0] for letter in letters)
    return tuple(name for name, count in counts.most_common() if count >= _RARE * len(letters))


def _streaming(config: Mapping[str, Any], heads: tuple[str, ...], features: Features) -> Streaming:
    encoder = section(config, "encoder")
    name = class_name(encoder)
    if "AED" in heads:
        return Streaming(ability="none", how="its decoder attends to the whole utterance")
    if name == "ConvASREncoder":
        return _convolutional(config, features)
    if name == "ConformerEncoder":
        return _attending(encoder, features)
    return Streaming(ability="unknown", how=f"nothing is known about {name or 'its encoder'}")


def _convolutional(config: Mapping[str, Any], features: Features) -> Streaming:
    if not _blocks(section(config, "encoder")):
        return Streaming(ability="unknown", how="the blocks of its encoder are not what NeMo writes")
    field = receptive_field(config)
    if field is None:
        how = "squeeze-and-excitation averages over the whole input, so chunks need padding on both sides"
        return Streaming(ability="buffered", how=how)
    if features.stride_ms is None:
        return Streaming(ability="bounded", how=f"an output depends on {field[0]} frames before and {field[1]} after")
    before, after = (frames * features.stride_ms / 1000 for frames in field)
    return Streaming(ability="bounded", how=f"an output depends on {before:.2f} s before and {after:.2f} s after it")


def _attending(encoder: Mapping[str, Any], features: Features) -> Streaming:
    context = encoder.get("att_context_size")
    first = context[0] if isinstance(context, list) and context and isinstance(context[0], list) else context
    sides = dict(zip(("left", "right"), first, strict=False)) if isinstance(first, list) else {"left": -1, "right": -1}
    left, right = whole(sides, "left"), whole(sides, "right")
    style = text(encoder, "att_context_style") or "regular"
    if left is None or right is None:
        return Streaming(ability="unknown", how=f"att_context_size {str(context)[:40]} is not what NeMo writes")
    step = (features.stride_ms or 10.0) * (whole(encoder, "subsampling_factor") or 4) / 1000
    if style.startswith("chunked_limited") and right >= 0:
        causal = encoder.get("causal_downsampling") is True and encoder.get("conv_context_size") == "causal"
        how = f"attention sees {max(left, 0) * step:.2f} s back and {right * step:.2f} s ahead ({style})"
        if causal:
            return Streaming(ability="cache-aware", how=f"{how}, convolutions are causal")
        return Streaming(ability="buffered", how=f"{how}, but its convolutions look ahead")
    if right >= 0 and left >= 0:
        layers = whole(encoder, "n_layers") or 1
        seen = f"{left * step:.2f} s back and {right * step:.2f} s ahead"
        return Streaming(ability="bounded", how=f"each of {layers} layers attends to {seen} ({style})")
    return Streaming(ability="buffered", how="attention spans the whole input, so chunks need padding on both sides")


def _blocks(encoder: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The blocks of a convolutional encoder; none if they are not what NeMo writes."""
    blocks = encoder.get("jasper")
    if not isinstance(blocks, list) or len(blocks) > _BLOCKS:
        return []
    if not all(_is_block(block) for block in blocks):
        return []
    stride = math.prod(_size(block, "stride") ** block["repeat"] for block in blocks)
    return blocks if stride <= _STRIDE else []


def _is_block(block: Any) -> bool:
    if not isinstance(block, Mapping) or not 1 <= (whole(block, "repeat") or 0) <= _REPEATS:
        return False
    factor = number({"kernel_size_factor": 1.0, **block}, "kernel_size_factor")
    if factor is None or not 0 < factor < _SIZE:
        return False
    if any(name in block and whole(block, name) is None for name in ("future_context", "se_context_size")):
        return False
    return all(1 <= _size(block, name) <= _SIZE for name in ("kernel", "stride", "dilation"))


def _size(block: Mapping[str, Any], name: str) -> int:
    """A size that NeMo writes as a number or as a list of one; 0 if it is neither."""
    value = block.get(name)
    return whole({name: value[0]} if isinstance(value, list) and value else block, name) or 0
