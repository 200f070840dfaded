"""YAML from a stranger: plain data in bounded time and memory, or an error.

Even safe YAML can hurt its reader: aliases that expand without end, numbers in base sixty that take hours, nesting that
overflows the stack, the same key twice for two readers that disagree. What a NeMo configuration needs is less: mappings
with distinct plain keys, lists, texts, numbers, booleans, null.

Source: YAML 1.1 type repository (yaml.org/type) as PyYAML and OmegaConf resolve it.
"""

from typing import Any

import yaml

from pipelines.errors import BrokenCheckpoint, UnsafeCheckpoint

__all__ = ["PlainDumper", "load_plain"]

_SIZE_LIMIT = 8 << 20
_NODE_LIMIT = 250_000  # the largest vocabularies written into configurations have tens of thousands of tokens
_DEPTH_LIMIT = 50
_NUMBER_LIMIT = 100  # characters
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq", "timestamp")}
_TEXT = "tag:yaml.org,2002:str"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FIX = "save the model again with NeMo's save_to()"


class PlainDumper(yaml.SafeDumper):
    """Writes what is shared twice: no reader of ours takes aliases for granted."""

    def ignore_aliases(self, data: object) -> bool:
        """As PyYAML asks: true for everything."""
        return True


def load_plain(content: bytes, *, name: str) -> Any:
    """Returns the plain data of a YAML file.

    Args:
        content: The file; no more than 8 MiB of it is looked at.
        name: What to call it in messages.

    Raises:
        BrokenCheckpoint: It is too large, not UTF-8, not YAML, or expands beyond what a model needs.
        UnsafeCheckpoint: It asks for an object of a type that is not plain data.
    """
    if len(content) > _SIZE_LIMIT:
        raise BrokenCheckpoint(f"{name} is larger than {_SIZE_LIMIT >> 20} MiB", fix=_FIX)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"{name} is not UTF-8: byte {error.object[error.start]:#04x} at offset {error.start}"
        raise BrokenCheckpoint(what, "it was edited or converted with another encoding", "save it as UTF-8") from error
    loader = None
    try:
        _check_events(text, name)
        loader = _LOADER(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _Weigher(name).weigh(node, ())
        return loader.construct_document(node)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BrokenCheckpoint(f"{name} is not plain YAML: {_one_line(error)}", fix=_FIX) from error
    finally:
        if loader is not None:
            loader.dispose()


def _check_events(text: str, name: str) -> None:
    """Looks at the stream of events, which takes no memory, before anything is built of it."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_LOADER):
        nodes += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if nodes > _NODE_LIMIT or depth > _DEPTH_LIMIT:
            what = f"{name} holds more than {_NODE_LIMIT} values, or is nested deeper than {_DEPTH_LIMIT}"
            raise BrokenCheckpoint(what, fix=_FIX)


class _Weigher:
    """Walks the nodes once each; what several aliases refer to counts as often as it would be written out."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._weights: dict[int, int] = {}

    def weigh(self, node: yaml.Node, above: tuple[int, ...]) -> int:
        """Returns how many values a node expands to, if all of them are plain."""
        if id(node) in above:
            raise BrokenCheckpoint(f"{self._name} contains itself through an alias (line {_line(node)})", fix=_FIX)
        if id(node) not in self._weights:
            if node.tag not in _TAGS:
                what = f"{self._name} asks for an object of type {node.tag[:80]!a} (line {_line(node)})"
                raise UnsafeCheckpoint(what, "NeMo writes plain data only", "do not load this file anywhere")
            self._weights[id(node)] = 1 + sum(self.weigh(child, (*above, id(node))) for child in self._children(node))
        if self._weights[id(node)] > _NODE_LIMIT:
            raise BrokenCheckpoint(f"{self._name} expands to more than {_NODE_LIMIT} values through aliases", fix=_FIX)
        return self._weights[id(node)]

    def _children(self, node: yaml.Node) -> list[yaml.Node]:
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        if not isinstance(node, yaml.MappingNode):
            if node.tag != _TEXT and len(node.value) > _NUMBER_LIMIT:
                what = f"{self._name} holds a number of {len(node.value)} characters (line {_line(node)})"
                raise BrokenCheckpoint(what, fix=_FIX)
            return []
        keys: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in keys:
                what = f"{self._name} has a key twice, or one that is not plain, at line {_line(key)}"
                raise BrokenCheckpoint(what, "two readers would see two different configurations in it", _FIX)
            keys.add(key.value)
        return [part for pair in node.value for part in pair]


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
