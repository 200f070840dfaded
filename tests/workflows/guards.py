"""Every guard of the workflows, found in the YAML itself, and the same files without it.

A guard is what keeps a job, a step, a token or a cache from somebody: it may be removed by mistake, and then something
must turn red (`test_guards.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

__all__ = ["Guard", "guards"]

# What each key is replaced by when its guard is removed; None takes the key away. Missing keys mean what GitHub takes
# for granted: a job runs when those before it succeeded, a token may do what the settings of the repository say.
REMOVED: Mapping[str, str | None] = {
    "if": "if: success()",
    "permissions": None,
    "environment": None,
    "timeout-minutes": None,
    "concurrency": None,
    "persist-credentials": None,
    "cache": None,
    "branches": None,
    "paths": None,
    "tags": None,
    "default": None,
}

# What a caller fixes although the plan has it too: a pull request can change what the plan says.
FIXED: Mapping[str, str] = {
    "runs-on": "${{ toJSON(matrix.runs-on) }}",
    "self-hosted": "${{ matrix.self-hosted }}",
}


@dataclass(frozen=True)
class Guard:
    """A guard and the text of its file without it.

    Attributes:
        file: The workflow or action.
        path: Where it stands, from the top.
        text: The whole file without it.
    """

    file: str
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.file.removeprefix('.github/')}: {self.path}"


def guards(texts: Mapping[str, str]) -> Iterator[Guard]:
    """Every guard in the files."""
    for file, text in texts.items():
        for path, key, value in _entries(yaml.compose(text), ()):
            where, name = "/".join(path), path[-1]
            if name == "default" and path[-2] != "dry-run":
                continue  # what holds until somebody says otherwise guards only what cannot be taken back
            if name in REMOVED:
                yield Guard(file, where, _replaced(text, key, value, REMOVED[name]))
            elif name == "uses" and "@" in value.value:
                yield Guard(file, where, _replaced(text, value, value, value.value.split("@")[0] + "@v1"))
            elif name == "runs-on" and len(path) == 3:
                yield Guard(file, where, _replaced(text, value, value, "[self-hosted, linux]"))
            elif name in FIXED and path[-2] == "with" and "${{" not in value.value:
                yield Guard(file, where, _replaced(text, value, value, FIXED[name]))
            elif name == "pull_request" and path[0] == "on":
                yield Guard(file, where, _replaced(text, key, key, "pull_request_target"))
            elif name == "needs" and len(path) == 3:
                for each in value.value:
                    others = ", ".join(other.value for other in value.value if other is not each)
                    yield Guard(file, f"{where}/{each.value}", _replaced(text, value, value, f"[{others}]"))


def _entries(node: yaml.Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], yaml.Node, yaml.Node]]:
    """Every key and its value, with the path that leads there."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key, value
            yield from _entries(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _entries(value, (*path, str(index)))


def _replaced(text: str, first: yaml.Node, last: yaml.Node, put: str | None) -> str:
    """The text with other words from one node to another; None takes their lines away."""
    start, end = first.start_mark.index, last.end_mark.index
    end = start + len(text[start:end].rstrip())  # a block reaches to the next key
    if put is not None:
        return text[:start] + put + text[end:]
    return text[: text.rindex("\n", 0, start) + 1] + text[text.index("\n", end) + 1 :]
