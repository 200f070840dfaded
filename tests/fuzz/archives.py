"""Archives with one thing wrong in each: mutations that know the format, so that they get past its first checks."""

import gzip
import io
import random
import struct
import tarfile
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from pipelines.archive.encryption import Key, Sealing

__all__ = ["KEY", "KINDS", "mutated"]

KEY = Key(b"key")
SALT, PREFIX = bytes(16), bytes(7)  # one derivation for all: scrypt is slow on purpose
CHUNK_LOG = 12
HEADER, TAG, CHUNK = 57, 16, 1 << CHUNK_LOG
BLOCK = tarfile.BLOCKSIZE
MANIFEST = "manifest.yaml"

Members = dict[str, bytes]
Mutation = Callable[[random.Random, Members], bytes]

_STRANGE: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, 2**200, 1.5, float("nan"), float("inf"), "", "..", "/", "\0", "x" * 5000, "ü\u202e",
    [], {}, [[]], {"a": {"b": None}}, [1, 2], {"": ""}, {1: 2}, b"bytes", "model_graph.onnx", "artifacts/../x",
    "nemo.collections.asr.models.EncDecCTCModelBPE", "rmir", "2020-01-01", {"sha256": "0" * 64, "size": 0},
)  # fmt: skip
_YAML = (
    b"&a [*a]", b"*a", b"!!python/object/apply:os.system [echo]", b"!!binary '!'", b"<<: *x", b"[" * 3000, b"{" * 900,
    b"\xff\xfe", b"? ", b"- " * 900, b"!!timestamp 2020-99-99", b"1" * 6000, b"%YAML 9.9\n---\n", b"\t", b"0xffffff",
    b"---\n---\n", b"'", b"|\n", b"!!int ''", b"!!float x", b"190:20:30", b"&a &a x", b"\0", b"\xc2\x85",
)  # fmt: skip


def mutated(random_: random.Random, members: Members) -> tuple[str, bytes]:
    """Returns the name of a mutation and the file that it made of an archive's members."""
    name = random_.choice([*KINDS])
    return name, KINDS[name](random_, dict(members))


def pack(members: Mapping[str, bytes], **changes: Any) -> bytes:
    """A tar of the members; `changes` are attributes of the last header."""
    blocks = []
    for name, content in members.items():
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        if name == [*members][-1]:
            for attribute, value in changes.items():
                setattr(entry, attribute, value)
        blocks += [entry.tobuf(tarfile.PAX_FORMAT), content, bytes(-len(content) % BLOCK)]
    return b"".join(blocks) + bytes(2 * BLOCK)


def sealed(content: bytes) -> bytes:
    sealing = Sealing(KEY, len(content), salt=SALT, prefix=PREFIX, chunk_log=CHUNK_LOG)
    return b"".join(sealing.seal([content]))


def _wrapped(random_: random.Random, content: bytes) -> bytes:
    """As it is, or within gzip or encryption, both of them sound."""
    return random_.choice([bytes, gzip.compress, sealed])(content)


def _value(random_: random.Random, members: Members) -> bytes:
    """A value of the manifest is something else, or gone, or under another name."""
    manifest = yaml.safe_load(members[MANIFEST])
    for _ in range(random_.choice([1, 1, 1, 2, 3])):
        node: Any = manifest
        while True:
            if not isinstance(node, dict | list) or not node:
                break
            key = random_.choice([*node] if isinstance(node, dict) else [*range(len(node))])
            if isinstance(node[key], dict | list) and random_.random() < 0.8:
                node = node[key]
                continue
            action = random_.randrange(4)
            if action == 0:
                del node[key]
            elif action == 1 and isinstance(node, dict):
                node[random_.choice(["", "..", "size", "sha256", "format", "../x", "/x", "é", 1])] = node.pop(key)
            else:
                node[key] = random_.choice(_STRANGE)
            break
    return _wrapped(random_, pack({**members, MANIFEST: yaml.safe_dump(manifest).encode()}))


def _yaml(random_: random.Random, members: Members) -> bytes:
    """The text of the manifest is damaged, or holds what only YAML can hold."""
    text = bytearray(members[MANIFEST])
    for _ in range(random_.choice([1, 1, 2, 5])):
        place = random_.randrange(len(text))
        if random_.random() < 0.5:
            text[place : place + random_.randrange(30)] = random_.choice(_YAML)
        else:
            text[place] = random_.randrange(256)
    return _wrapped(random_, pack({**members, MANIFEST: bytes(text)}))


def _member(random_: random.Random, members: Members) -> bytes:
    """A member is gone, longer, shorter, under another name or there twice; the digests say so, or not."""
    name = random_.choice([*members])
    content = members.pop(name)
    other = random_.choice(
        ["artifacts/../x", "../x", "/tmp/x", "artifacts/", "artifacts/é\n", "artifacts/model.py", name * 40]
    )
    change = random_.randrange(5)
    if change == 1:
        members[name] = content + b"x" * random_.randrange(1, 2000)
    elif change == 2:
        members[name] = content[: random_.randrange(len(content) + 1)]
    elif change == 3:
        members[other] = content
    elif change == 4:
        damaged = bytearray(content or b"x")
        damaged[random_.randrange(len(damaged))] ^= 1 << random_.randrange(8)
        members[name] = bytes(damaged)
    packed = pack(members)
    return _wrapped(random_, packed[: -2 * BLOCK] + pack({name: content}) if random_.random() < 0.2 else packed)


def _header(random_: random.Random, members: Members) -> bytes:
    """A field of a tar header is something else, with the checksum right, so that it is believed."""
    attribute, value = random_.choice([
        ("size", random_.choice([0, 1, 511, 2**31, 2**33, 2**40])),
        ("type", random_.choice([bytes([kind]) for kind in b"1234567SKLgxVMND\0"])),
        ("linkname", "../../x"),
        ("pax_headers", {random_.choice(["size", "path", "GNU.sparse.size", "hdrcharset", "mtime"]): random_.choice(
            ["-1", "-512", "1e9", "99999999999999999999", "../x", "", "\0", "BINARY"])}),
    ])  # fmt: skip
    try:
        packed = pack(members, **{attribute: value})
    except (ValueError, UnicodeError):  # what cannot be written cannot be read
        packed = pack(members)
    return _wrapped(random_, packed)


def _raw_header(random_: random.Random, members: Members) -> bytes:
    """Bytes of a tar header are something else; half of the time its checksum is made to fit."""
    packed = bytearray(pack(members))
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        offsets = [entry.offset for entry in tar]
    start = random_.choice(offsets)
    for _ in range(random_.choice([1, 2, 8])):
        packed[start + random_.randrange(BLOCK)] = random_.randrange(256)
    if random_.random() < 0.5:
        packed[start + 148 : start + 156] = b" " * 8
        packed[start + 148 : start + 156] = b"%06o\0 " % sum(packed[start : start + BLOCK])
    return _wrapped(random_, bytes(packed))


def _length(random_: random.Random, members: Members) -> bytes:
    """The file ends early, or goes on."""
    content = _wrapped(random_, pack(members))
    if random_.random() < 0.7:
        return content[: random_.randrange(len(content))]
    return content + random_.randbytes(random_.choice([1, 16, BLOCK, CHUNK + TAG]))


def _chunks(random_: random.Random, members: Members) -> bytes:
    """Chunks of an encrypted file change places, are there twice, are gone or damaged."""
    content = sealed(pack(members))
    parts = [content[start : start + CHUNK + TAG] for start in range(HEADER, len(content), CHUNK + TAG)]
    one, other = random_.randrange(len(parts)), random_.randrange(len(parts))
    change = random_.randrange(4)
    if change == 0:
        parts[one], parts[other] = parts[other], parts[one]
    elif change == 1:
        parts[one] = parts[other]
    elif change == 2:
        del parts[one]
    else:
        damaged = bytearray(parts[one])
        damaged[random_.randrange(len(damaged))] ^= 1 << random_.randrange(8)
        parts[one] = bytes(damaged)
    return content[:HEADER] + b"".join(parts)


def _encryption_header(random_: random.Random, members: Members) -> bytes:
    """A field of the encryption header is something else, with a key check that fits where that is possible."""
    content = bytearray(sealed(pack(members)))
    place = random_.randrange(8, HEADER)
    if place < 18 and random_.random() < 0.5:  # cost, chunk size, size
        fields = (">B", 8, [0, 9, 10, 17, 18, 20, 63, 255]), (">B", 9, [0, 11, 13, 22, 23, 40, 255])
        form, place, values = random_.choice([*fields, (">Q", 10, [0, 1, 2**40, 2**63, 2**64 - 1])])
        struct.pack_into(form, content, place, random_.choice(values))
    else:
        content[place] ^= 1 << random_.randrange(8)
    return bytes(content)


def _compression(random_: random.Random, members: Members) -> bytes:
    """A byte of a gzip file is something else."""
    content = bytearray(gzip.compress(pack(members), mtime=0))
    for _ in range(random_.choice([1, 3])):
        content[random_.randrange(len(content))] = random_.randrange(256)
    return bytes(content)


def _noise(random_: random.Random, members: Members) -> bytes:
    """Something else altogether, or a beginning that promises an archive."""
    begin = random_.choice(
        [b"", b"RIVAENC1", b"\x1f\x8b\x08", b"PK\x03\x04", pack(members)[:BLOCK], b"version https://git-lfs"]
    )
    return begin + random_.randbytes(random_.randrange(2000))


KINDS: dict[str, Mutation] = {
    "value": _value, "yaml": _yaml, "member": _member, "header": _header, "raw-header": _raw_header, "length": _length,
    "chunks": _chunks, "encryption-header": _encryption_header, "compression": _compression, "noise": _noise,
}  # fmt: skip
