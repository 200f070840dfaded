"""The configuration of a model: what it asks NeMo to make, to open and to fetch.

Every mapping and every text is looked at, at any depth. The sections about training data never reach NeMo (the rooms'
`config_for_nemo` leaves them out), so that files and addresses there do not matter; classes and commands do, because
they say what their maker had in mind.

Sources: NeMo 3.0.0, nemo/core/classes/common.py (`_target_`, `target`, `cls`) and save_restore_connector.py (`nemo:`,
which paths are opened); Hydra 1.3, "Instantiating objects"; OmegaConf 2.3, "Variable interpolation".
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipelines.archive.nemo import CONFIG, NEMO_REFERENCE
from pipelines.verdict.findings import Finding, Rule
from pipelines.verdict.firewall.refusal import shown
from pipelines.verdict.rules.configuration import (
    CLASSES_KNOWN,
    DATA_COMMANDS,
    HYDRA_KEYS,
    INTERPOLATIONS_PLAIN,
    NO_REMOTE_CODE,
    NOTHING_FETCHED,
    REFERENCES_INSIDE,
)

__all__ = ["DATA_SECTIONS", "check_configuration"]

DATA_SECTIONS = ("train_ds", "validation_ds", "test_ds", "optim")
"""Top-level sections that only training needs."""

_CLASSES = Path(__file__).parent / "classes.yaml"
_CLASS_KEYS = ("_target_", "target", "cls", "class_name", "class_path")
_MODEL = re.compile(r"nemo\.collections\.\w+\.models\.(\w+\.)*[A-Z]\w*")  # only those with a recipe are ever made
_DATA_CLASS = re.compile(r"(nemo\.collections|torch\.(optim|utils\.data)|torchmetrics|lhotse)\.(\w+\.)*\w+")
_HYDRA_KEY = re.compile(r"_\w+_")
_REMOTE_CODE_KEYS = ("trust_remote_code", "auto_map")
_HUB_KEYS = re.compile(r"(\w+_)?(pretrained|repo)(_\w+)?|(hub|hf)_\w+|init_from_\w+")
# A BERT's configuration carries such a name as the family it belongs to; `punctuation/network.py` looks it up nowhere.
_FAMILIES = re.compile(r"(distil|ro|al)?berta?(-(tiny|mini|small|medium|base|large))?(-(un)?cased)?(-v\d)?")
_TOKENS = ("vocabulary", "labels", "tokens")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PLAIN_INTERPOLATION = re.compile(r"\$\{\.*[A-Za-z_]\w*(\.\w+|\[\w+\])*\}")
_OUTSIDE = re.compile(r"/[\w.~-]|~\w*/|(.*[/\\])?\.\.([/\\]|$)|[A-Za-z]:\\|\\\\")
_COMMAND = re.compile(r"^\s*(pipe:|\|)|\|\s*$|`|\$\(|[;&|]\s*(sh|bash|python3?|curl|wget|touch|rm|nc)\b")
_LONGEST_KEY, _LONGEST_COMMAND = 200, 10_000  # characters that are looked at


def check_configuration(config: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Finding]:
    """Yields what a configuration asks for beyond known classes and members of the archive.

    Args:
        config: The configuration, as it stands in the checkpoint.
        given: What of it is given to NeMo, see the rooms' `config_for_nemo`.
    """
    for path, value in _walk(config):
        key, in_data = path[-1], path[0] in DATA_SECTIONS
        if key in _CLASS_KEYS:
            yield from _check_class(path, value, in_data=in_data)
        elif key in _REMOTE_CODE_KEYS and value:
            yield _finding(NO_REMOTE_CODE, path, f"is {shown(str(value))}")
        elif _HYDRA_KEY.fullmatch(key):
            yield _finding(HYDRA_KEYS, path, f"is {shown(str(value))}")
        elif isinstance(value, str) and in_data and not _is_token(path) and _COMMAND.search(value[:_LONGEST_COMMAND]):
            yield _finding(DATA_COMMANDS, path, f"is {shown(value)}, which a shell would take for a command")
    for path, value in _walk(given):
        if isinstance(value, str):
            yield from _check_text(path, value)
        names = value is True or (isinstance(value, str) and value and not _FAMILIES.fullmatch(value))
        if names and _HUB_KEYS.fullmatch(path[-1][:_LONGEST_KEY]):
            yield _finding(NOTHING_FETCHED, path, f"is {shown(str(value))}, which names a model elsewhere")


def _walk(node: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yields every value below a node with the keys that lead to it; in lists, the index."""
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, child in items:
        yield (*path, str(key)), child
        yield from _walk(child, (*path, str(key)))


def _is_token(path: tuple[str, ...]) -> bool:
    """Whether a text is an entry of a list of tokens: it means nothing but itself."""
    return len(path) > 1 and path[-2] in _TOKENS and path[-1].isdecimal()


def _check_class(path: tuple[str, ...], value: object, *, in_data: bool) -> Iterator[Finding]:
    """Refuses what is made and is not on the list; other keys than `_target_` may also hold ordinary words."""
    if path == ("target",) or not value:  # a model without a class is for another rule
        known = not value or bool(_MODEL.fullmatch(str(value)))
    elif path[-1] != "_target_" and not (isinstance(value, str) and "." in value):
        known = True
    else:
        known = str(value) in _known_classes() or bool(in_data and _DATA_CLASS.fullmatch(str(value)))
    if not known:
        yield _finding(CLASSES_KNOWN, path, f"is {shown(str(value))}, which is no class of a speech model")


def _check_text(path: tuple[str, ...], value: str) -> Iterator[Finding]:
    if "${" in _PLAIN_INTERPOLATION.sub("", value):
        yield _finding(INTERPOLATIONS_PLAIN, path, f"is {shown(value)}, which is more than the name of another value")
    if _is_token(path):
        return
    if _URL.match(value):
        yield _finding(NOTHING_FETCHED, path, f"is the address {shown(value)}")
    elif _OUTSIDE.match(value.removeprefix(NEMO_REFERENCE)):
        yield _finding(REFERENCES_INSIDE, path, f"is {shown(value)}, which leads out of the archive")


def _finding(rule: Rule, path: tuple[str, ...], problem: str) -> Finding:
    key = shown(".".join(path))[1:-1]
    place = f"{CONFIG}: {key}"
    return rule.finding(f"{place} {problem}", where=place)


@cache
def _known_classes() -> frozenset[str]:
    packages = yaml.safe_load(_CLASSES.read_text(encoding="utf-8"))
    return frozenset(
        name
        for package, modules in packages.items()
        for module, classes in modules.items()
        for known in classes
        for name in (f"{package}.{known}", f"{package}.{module}.{known}")
    )
