"""`ci.checked_yaml`: mistakes in YAML files are told with file, line and key."""

from pathlib import Path

import pytest

from ci.checked_yaml import load_checked
from ci.errors import BadYaml

SCHEMA = """\
type: object
required: [name]
additionalProperties: false
properties:
  name: {type: string}
  mode: {enum: [offline, streaming]}
  builds: {type: array, items: {type: object, properties: {size: {type: number}}}}
"""

WRONG = {
    "type": ("name: a\nbuilds:\n  - {size: 1}\n  - size: big\n", ":4: builds[1].size: expected number, got 'big'"),
    "enum": ("name: a\nmode: online\n", ":2: mode: expected one of offline, streaming, got 'online'"),
    "missing": ("mode: offline\n", ":1: the document: 'name' is a required property"),
    "unknown": ("name: a\ncolour: red\n", ":2: colour: Additional properties are not allowed"),
    "twice": ("name: a\n# again\nname: b\n", ":3: name: the key is there twice"),
    "syntax": ("name: a\n  b: [\n", ":2:"),
    "empty": ("", ":1: the document: expected object, got None"),
}


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "schema.yaml"
    path.write_text(SCHEMA)
    return path


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_told_with_file_line_and_key(tmp_path: Path, schema: Path, text: str, message: str) -> None:
    """People correct a file from the message alone."""
    path = tmp_path / "file.yaml"
    path.write_text(text)

    with pytest.raises(BadYaml) as raised:
        load_checked(path, schema=schema)

    assert raised.value.what.startswith(f"{path}{message}")


def test_unknown_keys_come_with_the_known_ones(tmp_path: Path, schema: Path) -> None:
    """A misspelt key is corrected fastest from a list of the right ones."""
    path = tmp_path / "file.yaml"
    path.write_text("name: a\ncolour: red\n")

    with pytest.raises(BadYaml, match="known keys: name, mode, builds"):
        load_checked(path, schema=schema)


def test_a_missing_file_and_bytes_that_are_no_text_are_told(tmp_path: Path, schema: Path) -> None:
    """No traceback for a wrong path or a binary file."""
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe")

    with pytest.raises(BadYaml, match="No such file"):
        load_checked(tmp_path / "none.yaml", schema=schema)
    with pytest.raises(BadYaml, match="not UTF-8"):
        load_checked(binary, schema=schema)


def test_a_good_file_is_returned_as_it_is(tmp_path: Path, schema: Path) -> None:
    """Checking changes nothing."""
    path = tmp_path / "file.yaml"
    path.write_text("name: a\nmode: offline\n")

    assert load_checked(path, schema=schema) == {"name": "a", "mode": "offline"}
