"""Tokenizer and vocabulary files: each in its own format, and in agreement with the configuration."""

from pipelines.errors import BrokenCheckpoint
from pipelines.verdict.findings import Outcome, Rule

__all__ = ["FILE_FORMATS", "TOKENIZER_AGREES"]

_SAVE_AGAIN = "save the model again with NeMo's save_to(), with the tokenizer it was trained with"

FILE_FORMATS = Rule(
    id="file-formats",
    title="Tokenizers, vocabularies and other files are what their names say, and can be read to their end",
    outcome=Outcome.UNREADABLE,
    why="a file that no format describes fails in the server's reader, or is meant for another one",
    fix=_SAVE_AGAIN,
    link="https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto",
    error=BrokenCheckpoint,
)
TOKENIZER_AGREES = Rule(
    id="tokenizer-agrees",
    title="The tokenizer has the tokens that the configuration lists",
    outcome=Outcome.FAILS,
    why="the outputs of the network would be written with another model's tokens",
    fix=_SAVE_AGAIN,
    link="https://docs.nvidia.com/nemo-framework/user-guide/latest/nemotoolkit/asr/intro.html",
)
