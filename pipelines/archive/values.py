"""Values of a configuration that nobody has checked: each by the type it should have, or what stands for nothing."""

from collections.abc import Mapping
from typing import Any

__all__ = ["class_name", "number", "section", "text", "texts", "whole"]

_LARGEST = 1 << 63


def section(config: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """The mapping that `names` lead to; empty if there is none."""
    found: Any = config
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def text(section: Mapping[str, Any], name: str) -> str:
    """A text; empty if there is none."""
    value = section.get(name)
    return value if isinstance(value, str) else ""


def texts(section: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts; empty if there is none. Entries of other types are left out."""
    value = section.get(name)
    return tuple(entry for entry in value if isinstance(entry, str)) if isinstance(value, list) else ()


def whole(section: Mapping[str, Any], name: str) -> int | None:
    """A whole number; None if there is none, or one of more than 63 bits, which no model has."""
    value = section.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST else None


def number(section: Mapping[str, Any], name: str) -> float | None:
    """A number; None if there is none."""
    value = section.get(name)
    return value if isinstance(value, float) else None if (found := whole(section, name)) is None else float(found)


def class_name(section: Mapping[str, Any]) -> str:
    """The name of the class that a section is made into, without its module; empty if it names none."""
    return text(section, "_target_").rpartition(".")[2]
