"""Mutants of a small checkpoint: each layer is changed by what it is made of, not by its bytes alone.

    members of the tar -> records of the zip -> opcodes of the pickle
                      \\-> values of the configuration, fields of the tokenizer

Half of the mutants carry a payload (see `vector`) in the pickle or in the configuration. A mutant is given by a seed
and a number, and is the same every time.
"""

import gzip
import io
import pickletools
import random
import struct
import tarfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.hostile.pickles import PAYLOADS
from tests.nemo_checkpoints import CTC_BPE, TOKENIZER, config
from tests.sentencepiece_models import model
from tests.torch_archives import Tensor, name, pickled, rebuilt, text, torch_archive

__all__ = ["LAYERS", "Mutant", "mutant"]

TENSORS = {
    "encoder.pre_encode.out.weight": Tensor((16, 8)),
    "encoder.steps": Tensor((), "int64"),
    "decoder.decoder_layers.0.weight": Tensor((4, 16, 1), "float16"),
}
PIECES = ("<unk>", "a", "b")
DECODER = {
    "_target_": "nemo.collections.asr.modules.ConvASRDecoder",
    "feat_in": 16,
    "num_classes": 3,
    "vocabulary": list(PIECES),
}
TARGETS = (
    "os.system",
    "subprocess.run",
    "nemo.utils.exp_manager.os.system",
    "builtins.eval",
    "${name}",
    "torch.hub.load",
)
TEXTS = (
    "../../etc/passwd",
    "nemo:../x",
    "https://example.com/x",
    "${oc.env:HOME}",
    "pipe:touch x",
    "~/x",
    "x" * 300,
    "",
)
KEYS = ("_target_", "target", "cls", "_args_", "_partial_", "trust_remote_code", "pretrained_model_name", "class_name")
YAML_NOISE = (
    b"!!python/object/apply:os.system [x]",
    b"&a [*a]",
    b"\xff\xfe",
    b"{",
    b"\t",
    b"- - -",
    b"? ",
    b"<<: *a",
    b"0" * 200,
)
NAMES = (
    "../mark",
    "/mark",
    "a/b",
    "model_config.yaml",
    "MODEL_WEIGHTS.ckpt",
    "tokenizer.pkl",
    "x\\y",
    "x" * 300,
    "a//b",
    "",
)


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A mutated checkpoint.

    Args:
        content: The file.
        layer: The layer that was changed.
    """

    content: bytes
    layer: str


def mutant(seed: int, number: int, mark: Path) -> Mutant:
    """Makes mutant `number` of a run; a payload in it would create the mark."""
    rng = random.Random(f"{seed}:{number}")
    layer = rng.choices(list(LAYERS), [10, 15, 35, 30, 10])[0]
    parts = _Parts(rng, mark)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        LAYERS[layer](parts)
    return Mutant(content=parts.content(), layer=layer)


class _Parts:
    """The parts of a checkpoint, before they are put together."""

    def __init__(self, rng: random.Random, mark: Path) -> None:
        self.rng = rng
        self.payload = rng.choice(PAYLOADS)(mark) if rng.random() < 0.5 else b""
        built = {key: rebuilt(tensor, str(index)) for index, (key, tensor) in enumerate(TENSORS.items())}
        metadata = b"}" + text("_metadata") + b"}" + text("encoder") + b"}" + text("version") + b"K\x01sssb"
        self.pickle = pickled(built, after=metadata)
        self.weights: bytes | None = None
        self.config: Any = config(CTC_BPE, decoder=deepcopy(DECODER), name="model")
        self.yaml: bytes | None = None
        self.tokenizer = model(*PIECES)
        self.members: list[tuple[str, bytes, bytes]] = []
        self.finish: list[Callable[[bytes], bytes]] = []
        self.called = f"touch {mark}"

    def content(self) -> bytes:
        weights = self.weights or torch_archive(TENSORS, pickle=self.pickle)
        text_ = self.yaml or yaml.safe_dump(self.config, allow_unicode=True).encode()
        members = [
            ("./model_config.yaml", text_, tarfile.REGTYPE),
            ("./model_weights.ckpt", weights, tarfile.REGTYPE),
            (TOKENIZER, self.tokenizer, tarfile.REGTYPE),
            *self.members,
        ]
        file = io.BytesIO()
        with tarfile.open(
            fileobj=file, mode="w", format=self.rng.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))
        ) as tar:
            for member, content, kind in members:
                entry = tarfile.TarInfo(member)
                entry.size, entry.type, entry.mtime = len(content), kind, 1234.5
                tar.addfile(entry, io.BytesIO(content))
        made = file.getvalue()
        for change in self.finish:
            made = change(made)
        return made


def _container(parts: _Parts) -> None:
    rng = parts.rng
    kind = rng.choice(("member", "type", "header", "header", "cut", "gzip", "append"))
    if kind == "member":
        parts.members.append((rng.choice(NAMES), parts.payload, tarfile.REGTYPE))
    elif kind == "type":
        parts.members.append((rng.choice(("x", *NAMES)), b"", rng.choice(b"1234567KLSxgMDV").to_bytes(1)))
    elif kind == "header":
        parts.finish.append(lambda made: _change_header(rng, made))
    elif kind == "cut":
        parts.finish.append(lambda made: made[: rng.randrange(len(made) + 1)])
    elif kind == "gzip":
        parts.finish.append(lambda made: _flip(rng, gzip.compress(made, 1)))
    else:
        parts.finish.append(lambda made: made + rng.choice((bytes(512), b"x", parts.payload, made)))


def _change_header(rng: random.Random, made: bytes) -> bytes:
    """Changes a field of a header, and mostly makes its checksum right again."""
    starts = [start for start in range(0, len(made), 512) if made[start + 257 : start + 262] == b"ustar"]
    if not starts:  # it was cut or compressed before
        return made
    start = rng.choice(starts)
    block = bytearray(made[start : start + 512])
    field, size = rng.choice(
        ((0, 100), (100, 8), (108, 8), (124, 12), (136, 12), (156, 1), (157, 100), (257, 8), (345, 155))
    )
    value = rng.choice(
        (b"../../mark", b"\0", b"77777777777\0", b"\x80" + bytes(10) + b"\1", rng.randbytes(size), b"-1")
    )
    block[field : field + size] = value[:size].ljust(size, b"\0")
    if rng.random() < 0.8:
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
    return made[:start] + bytes(block) + made[start + 512 :]


def _zip(parts: _Parts) -> None:
    rng = parts.rng
    payload = pickled({"x": parts.payload or text("x")})
    kind = rng.choice(("record", "field", "field", "field", "cut", "insert", "swap"))
    if kind == "record":
        record = rng.choice(("data.pkl", "constants.pkl", "code/a.py", "data/9", "data/0", "../x", "version", "x.pkl"))
        parts.weights = torch_archive(TENSORS, pickle=parts.pickle, records={record: payload})
        return
    made = parts.weights or torch_archive(TENSORS, pickle=payload if parts.payload else parts.pickle)
    if kind == "field":
        made = _change_field(rng, made)
    elif kind == "cut":
        made = made[: rng.randrange(len(made) + 1)]
    elif kind == "insert":
        place = rng.randrange(len(made) + 1)
        made = made[:place] + rng.choice((payload, bytes(rng.randrange(64)), made)) + made[place:]
    else:
        first, second = sorted(rng.choices(range(len(made) + 1), k=2))
        made = made[:first] + made[second:] + made[first:second]
    parts.weights = made


def _change_field(rng: random.Random, made: bytes) -> bytes:
    """Changes a number in one of the headers of a zip."""
    places = [place for mark in (b"PK\3\4", b"PK\1\2", b"PK\5\6") for place in _all(made, mark)]
    if not places:  # it was cut before
        return made
    place = rng.choice(places) + 4 + rng.randrange(42)
    value = rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", struct.pack("<I", rng.randrange(1 << 16)), rng.randbytes(1)))
    return made[:place] + value + made[place + len(value) :]


def _all(made: bytes, mark: bytes) -> list[int]:
    found, start = [], made.find(mark)
    while start >= 0:
        found.append(start)
        start = made.find(mark, start + 1)
    return found


def _pickle(parts: _Parts) -> None:
    rng = parts.rng
    opcodes = _opcodes(parts.pickle)
    place = rng.randrange(len(opcodes))
    noise = rng.choice(
        (
            parts.payload,
            parts.payload + b"0",
            rng.choice(pickletools.opcodes).code.encode("latin-1"),
            rng.choice(opcodes),
            rng.randbytes(rng.randrange(1, 5)),
            name(
                rng.choice(("os", "torch", "builtins", "collections")), rng.choice(("system", "FloatStorage", "eval"))
            ),
            b"K" + rng.randbytes(1) + b"q" + rng.randbytes(1) + b"h" + rng.randbytes(1),
            b"\x8a\x09" + rng.randbytes(9),
        )
    )
    change = rng.choice(("insert", "insert", "replace", "delete", "repeat", "swap"))
    if change in ("insert", "replace"):
        opcodes[place : place + (change == "replace")] = [noise]
    elif change == "delete":
        del opcodes[place : place + rng.randrange(1, 4)]
    elif change == "repeat":
        opcodes[place:place] = opcodes[place : place + rng.randrange(1, 20)] * rng.choice((1, 2, 50))
    else:
        other = rng.randrange(len(opcodes))
        opcodes[place], opcodes[other] = opcodes[other], opcodes[place]
    parts.pickle = b"".join(opcodes)


def _opcodes(made: bytes) -> list[bytes]:
    """Cuts a pickle into its opcodes; what cannot be read stays in one piece."""
    starts = []
    try:
        for _, _, place in pickletools.genops(made):
            starts.append(place)
    except ValueError:
        starts.append(starts[-1] + 1 if starts else 0)
    return [made[start:end] for start, end in zip(starts, [*starts[1:], len(made)], strict=True)] + [b""]


def _configuration(parts: _Parts) -> None:
    rng = parts.rng
    if rng.random() < 0.25:
        made = parts.yaml or yaml.safe_dump(parts.config).encode()
        place = rng.randrange(len(made) + 1)
        noise = rng.choice((*YAML_NOISE, rng.randbytes(2)))
        parts.yaml = made[:place] + noise + made[place + rng.choice((0, 0, 1, len(noise))) :]
        return
    sections = [parts.config, *_sections(parts.config)]
    section = rng.choice(sections)
    if isinstance(section, list):
        section.insert(rng.randrange(len(section) + 1), _value(parts))
    elif section and rng.random() < 0.5:
        section[rng.choice(list(section))] = _value(parts)
    else:
        section[rng.choice(KEYS)] = _value(parts)


def _sections(node: Any) -> list[Any]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [found for child in children if isinstance(child, dict | list) for found in (child, *_sections(child))]


def _value(parts: _Parts) -> Any:
    rng = parts.rng
    attack = {rng.choice(KEYS[:3]): rng.choice(TARGETS), "_args_": [parts.called]}
    plain = (None, True, -1, 1 << 70, 1e400, [], {}, [attack], {"deep": {"er": attack}})
    return rng.choice((attack, attack, rng.choice(TARGETS), rng.choice(TEXTS), rng.choice(plain), parts.called))


def _files(parts: _Parts) -> None:
    rng = parts.rng
    kind = rng.choice(("flip", "flip", "pickle", "json", "text"))
    if kind == "flip":
        parts.tokenizer = _flip(rng, parts.tokenizer)
    elif kind == "pickle":
        parts.tokenizer = pickled({"x": parts.payload or text("x")})
    else:
        suffix = "json" if kind == "json" else "txt"
        noise = rng.choice((b'{"auto_map": {"a": "b"}}', b"[" * 5000, b"{}", rng.randbytes(20), b"a\nb\n", b"1" * 5000))
        parts.members.append((f"vocab.{suffix}", noise, tarfile.REGTYPE))


def _flip(rng: random.Random, made: bytes) -> bytes:
    changed = bytearray(made)
    for _ in range(rng.randrange(1, 4) if made else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


LAYERS: dict[str, Callable[[_Parts], None]] = {
    "container": _container,
    "zip": _zip,
    "pickle": _pickle,
    "configuration": _configuration,
    "files": _files,
}
