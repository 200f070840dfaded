"""Tokenizers, vocabularies, labels: every member besides configuration and weights, read in its own format.

The format follows from the name, as NeMo's readers take it. Nothing is executed or looked up: a text is decoded, JSON
is parsed, a SentencePiece model is walked as a protobuf message. What is none of these is refused.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from pipelines.archive.nemo import CONFIG, WEIGHTS, NemoCheckpoint
from pipelines.verdict.findings import Finding
from pipelines.verdict.firewall.pickles import mentioned_globals
from pipelines.verdict.firewall.refusal import Refusal, shown
from pipelines.verdict.firewall.sentencepiece import NotSentencePiece, read_pieces
from pipelines.verdict.rules.configuration import NO_REMOTE_CODE
from pipelines.verdict.rules.pickles import PICKLE_MEMBERS
from pipelines.verdict.rules.tokenizers import FILE_FORMATS

__all__ = ["FILE_LIMIT", "check_files"]

FILE_LIMIT = 32 << 20
"""Bytes of a tokenizer or vocabulary that are read; the largest known ones have 17 MB."""

_TOTAL_LIMIT = 256 << 20  # bytes of all of them
_LINE_LIMIT = 100_000  # characters
_JSON_DICTIONARY = "tokenizer_vocab_dict"  # NeMo writes this one without a suffix
_SENTENCEPIECE_FIRST = b"\x0a"  # the first field of a ModelProto: a piece
_EXECUTED = {  # how files begin that some program would unpickle, import or run
    b"\x80": "a pickle",
    b"PK\3\4": "a zip archive, such as torch.save writes",
    b"\x1f\x8b": "compressed with gzip",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"#!": "a script",
    b"\x93NUMPY": "a numpy array, which may be a pickle",
    b"\x89HDF": "an HDF5 file, which may hold pickles",
}
_EXECUTED_SUFFIXES = {
    ".pkl",
    ".pickle",
    ".pt",
    ".pth",
    ".ckpt",
    ".joblib",
    ".dill",
    ".npy",
    ".npz",
    ".py",
    ".pyc",
    ".so",
}
_REMOTE_CODE_KEYS = {"auto_map", "trust_remote_code", "custom_pipelines"}


def check_files(checkpoint: NemoCheckpoint) -> Iterator[Finding]:
    """Yields members that are not what their names say, or that a program would execute."""
    names = [name for name in checkpoint.names() if name not in (CONFIG, WEIGHTS)]
    size = sum(map(checkpoint.size, names))
    if size > _TOTAL_LIMIT:
        what = f"{checkpoint.path}: {len(names)} members besides the weights have {size} bytes"
        yield FILE_FORMATS.finding(f"{what}, expected at most {_TOTAL_LIMIT}")
        return
    for name in names:
        try:
            _check(checkpoint, name)
        except Refusal as refusal:
            yield refusal.finding


def _check(checkpoint: NemoCheckpoint, name: str) -> None:
    with checkpoint.open_member(name) as stream:
        content = stream.read(FILE_LIMIT + 1)
    kind = next((kind for magic, kind in _EXECUTED.items() if content.startswith(magic)), "")
    if kind or PurePosixPath(name).suffix.lower() in _EXECUTED_SUFFIXES:
        names = mentioned_globals(content)
        mentions = f" that names {', '.join(names)}" if names else ""
        kind = kind or "called like a file that programs execute"
        raise Refusal(PICKLE_MEMBERS, f"{checkpoint.path}: the member {shown(name)} is {kind}{mentions}", where=name)
    if len(content) > FILE_LIMIT:
        raise _not(name, f"has {checkpoint.size(name)} bytes, expected at most {FILE_LIMIT}")
    _format_of(name, content)(name, content)


def _format_of(name: str, content: bytes) -> Callable[[str, bytes], None]:
    if name.endswith((".json", _JSON_DICTIONARY)):
        return _check_json
    if name.endswith(".model") and content.startswith(_SENTENCEPIECE_FIRST):
        return _check_sentencepiece
    return _check_text


def _check_text(name: str, content: bytes) -> None:
    """Lines of UTF-8: vocab.txt, label files, .vocab of SentencePiece, models of YouTokenToMe."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not(name, f"is not UTF-8 text: byte {content[error.start]:#04x} at offset {error.start}") from error
    longest = max(map(len, text.split("\n")))
    if "\0" in text or longest > _LINE_LIMIT:
        raise _not(name, f"is no list of tokens: it holds a zero byte or a line of {longest} characters")


def _check_sentencepiece(name: str, content: bytes) -> None:
    try:
        read_pieces(content)
    except NotSentencePiece as error:
        raise _not(name, f"is no SentencePiece model: {error}") from error


def _check_json(name: str, content: bytes) -> None:
    def checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise _not(name, "has a key twice")
        for key in _REMOTE_CODE_KEYS & found.keys():
            if found[key]:
                raise Refusal(NO_REMOTE_CODE, f"{name}: {key} is {shown(str(found[key]))}", where=name)
        return found

    try:
        json.loads(content.decode("utf-8"), object_pairs_hook=checked)
    except (ValueError, RecursionError) as error:
        raise _not(name, f"is no JSON: {error}") from error


def _not(name: str, problem: str) -> Refusal:
    return Refusal(FILE_FORMATS, f"the member {shown(name)} {problem}", where=name)
