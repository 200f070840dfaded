"""What a checkpoint is, as far as its configuration and the headers of its weights say."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Architecture", "Facts", "Features", "Streaming", "Tokens", "Weights"]


@dataclass(frozen=True, kw_only=True)
class Features:
    """What the network is fed with.

    Args:
        kind: For example `mel spectrogram`.
        count: Features of a frame; None if the configuration does not say.
        window_ms: Length of a frame in milliseconds.
        stride_ms: From one frame to the next, in milliseconds.
        normalize: Over what they are normalised, in NeMo's words (`per_feature`, `NA`); empty if it does not say.
    """

    kind: str
    count: int | None
    window_ms: float | None
    stride_ms: float | None
    normalize: str

    def __str__(self) -> str:
        parts = [f"{self.count or '?'} {self.kind} features"]
        if self.window_ms and self.stride_ms:
            parts.append(f"{self.window_ms:g} ms every {self.stride_ms:g} ms")
        return ", ".join([*parts, f"normalised {self.normalize}"] if self.normalize else parts)


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What the network's outputs stand for.

    Args:
        kind: `characters`, or the kind of the tokenizer: `bpe`, `wpe`, `agg`.
        count: How many there are, blank not counted; None if the configuration does not say.
        letters: Every letter that occurs in them, in lower case, sorted.
        scripts: Writing systems of their letters, most frequent first, in Unicode's words (`LATIN`, `CJK`).
        languages: Languages that a tokenizer made of several names, otherwise empty.
    """

    kind: str
    count: int | None
    letters: str = ""
    scripts: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    def __str__(self) -> str:
        of = f" of {', '.join(self.languages)}" if self.languages else ""
        return f"{self.count or 'unknown number of'} {self.kind}{of}"


@dataclass(frozen=True, kw_only=True)
class Streaming:
    """Whether the model can follow a stream. Nothing guarantees it: conformance measures what it costs in errors.

    Args:
        ability: `cache-aware` (trained to keep its state between chunks), `bounded` (an output depends on so much audio
            before and after it and no more), `buffered` (an output depends on the whole input: chunks are an
            approximation), `none`, or `unknown`.
        how: What it depends on, with the values.
    """

    ability: str
    how: str

    def __str__(self) -> str:
        return f"{self.ability}: {self.how}"


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """What a room reads in the configuration of a model of its kind.

    Args:
        family: The name that people know it by: Citrinet, Conformer, FastConformer, BERT.
        heads: Its decoders or classifiers: CTC, RNNT, TDT; both of a hybrid.
        sample_rate: Of the audio that it takes, in Hz; None if it takes none, or the configuration does not say.
        features: What the network is fed with; None if it takes no audio.
        tokens: What its outputs, or the inputs of a text model, are.
        streaming: Whether it can follow a stream; None if it takes no audio.
    """

    family: str
    heads: tuple[str, ...]
    sample_rate: int | None = None
    features: Features | None = None
    tokens: Tokens | None = None
    streaming: Streaming | None = None


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What the headers of the weights say; the weights themselves are not read.

    Args:
        parameters: Numbers in all tensors of floating point, buffers such as running means included.
        dtypes: Numbers of each type.
        size: Bytes of all tensors together.
    """

    parameters: int
    dtypes: Mapping[str, int]
    size: int

    @property
    def dtype(self) -> str:
        """The type of most numbers; empty if there are none."""
        return max(self.dtypes, key=lambda name: self.dtypes[name], default="")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a checkpoint is.

    Args:
        name: Name of the file.
        size: Of the file in bytes.
        obj_cls: Its class as Riva's schemas spell it; empty if the configuration names none.
        nemo_version: The NeMo that saved it; empty if unknown.
        pipeline: The pipeline of riva-build that serves it; empty if none does here.
        recipe: How NVIDIA's tools export it; empty if no source says.
        architecture: What its room reads in its configuration; None if no room knows its kind.
        weights: None if their header cannot be read.
    """

    name: str
    size: int
    obj_cls: str
    nemo_version: str
    pipeline: str
    recipe: str
    architecture: Architecture | None
    weights: Weights | None
