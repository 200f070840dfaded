"""YAML files that people write, checked against a JSON schema, with errors that name the file, the line and the key."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from ci.errors import BadYaml

__all__ = ["Document", "load_checked", "place", "read_checked"]

KeyPath = tuple[Hashable, ...]
"""Keys and indices from the top of a document down to one value."""


@dataclass(frozen=True)
class Document:
    """A YAML file that follows its schema.

    Attributes:
        data: What it says.
        path: Where it is.
        lines: The line of every value.
    """

    data: Any
    path: Path
    lines: Mapping[KeyPath, int]

    def place(self, *keys: Hashable) -> str:
        """`file:line: key.path` of a value, for what a schema cannot check."""
        return place(self.path, keys, self.lines)


def load_checked(path: Path, *, schema: Path) -> Any:
    """What `read_checked` finds in a file, without its lines."""
    return read_checked(path, schema=schema).data


def read_checked(path: Path, *, schema: Path) -> Document:
    """Reads a YAML file and checks it.

    Raises:
        BadYaml: The file cannot be read, is not YAML, repeats a key, or breaks the schema.
    """
    data, lines = _parse(path)
    error = best_match(_validator(schema).iter_errors(data))
    if error is not None:
        raise BadYaml(
            f"{place(path, _keys(error), lines)}: {_sentence(error)}",
            why=f"the file does not follow {schema.name}",
            fix=_remedy(error),
        )
    return Document(data, path, lines)


def place(path: Path, keys: KeyPath, lines: Mapping[KeyPath, int]) -> str:
    """`file:line: key.path`, the line being that of the nearest key that has one."""
    nearest = keys
    while nearest and nearest not in lines:
        nearest = nearest[:-1]
    dotted = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
    return f"{path}:{lines.get(nearest, 1)}: {dotted or 'the document'}"


@lru_cache
def _validator(schema: Path) -> Draft202012Validator:
    return Draft202012Validator(yaml.safe_load(schema.read_text(encoding="utf-8")))


def _parse(path: Path) -> tuple[Any, dict[KeyPath, int]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadYaml(f"cannot read {path}: {error.strerror}", fix="check the path") from error
    except UnicodeDecodeError as error:
        raise BadYaml(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        lines: dict[KeyPath, int] = {}
        if node is not None:
            _collect(node, (), lines, path)
        return (None if node is None else loader.construct_document(node)), lines
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadYaml(f"{path}:{line}: {error.problem or 'not YAML'}", fix="correct the YAML syntax there") from error
    finally:
        loader.dispose()


def _collect(node: yaml.Node, keys: KeyPath, lines: dict[KeyPath, int], path: Path) -> None:
    """Notes the line of every value; refuses repeated keys, of which YAML readers silently keep the last."""
    lines.setdefault(keys, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _collect(item, (*keys, index), lines, path)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*keys, key.value)
            if here in lines:
                raise BadYaml(f"{place(path, here, {here: key.start_mark.line + 1})}: the key is there twice")
            lines[here] = key.start_mark.line + 1
            _collect(value, here, lines, path)


def _keys(error: ValidationError) -> KeyPath:
    """Where the error is; a key that should not be there is itself the place, not the mapping around it."""
    keys = tuple(error.absolute_path)
    if (
        error.validator == "additionalProperties"
        and isinstance(error.schema, dict)
        and isinstance(error.instance, dict)
    ):
        strange = [key for key in error.instance if key not in error.schema.get("properties", {})]
        return (*keys, *strange[:1])
    if "propertyNames" in error.absolute_schema_path:
        return (*keys, str(error.instance))
    return keys


def _sentence(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    if error.validator == "enum":
        return f"expected one of {', '.join(map(str, wanted))}, got {error.instance!r}"
    if error.validator == "type":
        return f"expected {wanted}, got {error.instance!r}"
    return error.message


def _remedy(error: ValidationError) -> str:
    if error.validator == "additionalProperties" and isinstance(error.schema, dict):
        return f"known keys: {', '.join(error.schema.get('properties', {}))}"
    return str(error.schema.get("description", "")) if isinstance(error.schema, dict) else ""
