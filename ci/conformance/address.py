"""Patterns over the addresses of cases, such as `speech_recognition/errors/unknown-model/offline`.

Between slashes `*` stands for any text; a component `**` stands for any number of components. A pattern that names a
folder means everything in it.
"""

import re
from functools import cache

__all__ = ["matches"]


def matches(pattern: str, address: str) -> bool:
    """Whether `pattern` selects the case at `address`."""
    return _compile(pattern).fullmatch(address + "/") is not None


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    components = pattern.strip("/").split("/")
    expressions = (
        "(?:[^/]+/)*" if each == "**" else "[^/]*".join(map(re.escape, each.split("*"))) + "/" for each in components
    )
    return re.compile("".join(expressions) + ".*")
