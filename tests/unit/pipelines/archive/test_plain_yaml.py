"""Configurations from strangers become plain data in bounded time, or an error that says why."""

import time

import pytest

from pipelines.archive.plain_yaml import load_plain
from pipelines.errors import BrokenCheckpoint, UnsafeCheckpoint

ALIAS_BOMB = b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n".encode() for n in range(1, 9)
)


def test_plain_data_is_read() -> None:
    """Mappings, lists, texts, numbers, booleans, null and aliases of a reasonable size come out as they stand."""
    text = "target: a.b\nn: [1, 2.5, -.inf, true, null, 'é']\nshared: &s {x: 1}\nagain: *s\n"

    found = load_plain(text.encode(), name="a.yaml")

    numbers = [1, 2.5, float("-inf"), True, None, "é"]
    assert found == {"target": "a.b", "n": numbers, "shared": {"x": 1}, "again": {"x": 1}}
    assert load_plain(b"", name="a.yaml") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"a: [", "not plain YAML"),
        (b"a: \xe9\n", "not UTF-8: byte 0xe9 at offset 3"),
        ("a: é\n".encode("utf-16"), "not UTF-8"),
        (b"a: 1\nb: 2\na: 3\n", "key twice.* line 3"),
        (b"? [a, b]\n: 1\n", "not plain, at line 1"),
        (b"a: &a\n  b: *a\n", "contains itself"),
        (ALIAS_BOMB, "through aliases"),
        (b"a: " + b"[" * 100 + b"]" * 100, "nested deeper"),
        (b"a: " + b"[" * 100_000, "nested deeper|not plain"),
        (b"- a\n" * 300_000, "more than 250000 values"),
        (b"a: 1" + b":1" * 1_000_000, "number of 2000001 characters"),
        (b"a: 0x" + b"f" * 1000, "number of 1002 characters"),
        (b"a" * (9 << 20), "larger than 8 MiB"),
    ],
    ids=[
        "syntax",
        "latin_1",
        "utf_16",
        "duplicate",
        "list_as_key",
        "cycle",
        "alias_bomb",
        "deep",
        "very_deep",
        "many",
        "base_sixty",
        "hexadecimal",
        "large",
    ],
)
def test_broken_or_exploding_files_are_refused(text: bytes, problem: str) -> None:
    """What no reader agrees on, or would fill memory or hours, is refused in two seconds of computing at most."""
    begin = time.process_time()

    with pytest.raises(BrokenCheckpoint, match=f"a.yaml .*(?:{problem})"):
        load_plain(text, name="a.yaml")

    assert time.process_time() - begin < 2


@pytest.mark.parametrize(
    "text",
    [
        b"a: !!python/object/apply:os.system [ls]\n",
        b"a:\n- !!python/name:os.system\n",
        b"!!python/object/new:type {}\n",
        b"a: !custom x\n",
        b"a: !!binary aGVsbG8=\n",
        b"a: {<<: {b: 1}}\n",
    ],
)
def test_other_types_are_unsafe(text: bytes) -> None:
    """A tag that asks for more than plain data is named; nothing is made of it."""
    with pytest.raises(UnsafeCheckpoint, match="asks for an object of type"):
        load_plain(text, name="a.yaml")
