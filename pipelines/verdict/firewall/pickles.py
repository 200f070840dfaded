"""The pickle of a state dict, walked opcode by opcode: nothing is imported, called or built.

A pickle is a program for a stack machine. This machine runs it on stand-ins: a name of a function stays a name, a call
is handed to whoever knows that function. Only the opcodes that torch.save writes (pickle protocol 2) are known; any
other one stops the walk.

Sources: CPython, Lib/pickletools.py (the opcodes); PyTorch, torch/_weights_only_unpickler.py (what torch itself takes
with `weights_only`: this machine takes less).
"""

import pickletools
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import chain, islice, repeat
from typing import Any, ClassVar

from pipelines.verdict.findings import Rule
from pipelines.verdict.firewall.refusal import Refusal, shown
from pipelines.verdict.rules.pickles import PICKLE_CALLS, PICKLE_GLOBALS, PICKLE_LIMITS, PICKLE_OPCODES

__all__ = ["PICKLE_LIMIT", "Call", "Global", "OrderedMapping", "mentioned_globals", "walk"]

PICKLE_LIMIT = 8 << 20  # torch writes about 170 bytes a tensor: room for 50,000
_OPCODE_LIMIT = 1_000_000  # about 40 a tensor
_NAME_LIMIT = 200
_NAMES_SHOWN = 5
_OPCODES_NAMED = 10_000
_PROTOCOL = 2
_SPELLINGS = {opcode.code.encode("latin-1")[0]: opcode.name for opcode in pickletools.opcodes}


@dataclass(frozen=True)
class Global:
    """A function or class that the pickle names; nothing looks it up."""

    name: str


class OrderedMapping(dict[str, Any]):
    """Stands for a collections.OrderedDict; `attributes` is what a pickle hangs on it."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: dict[str, Any] = {}


Call = Callable[[tuple[Any, ...]], object]


def walk(
    data: bytes, calls: Mapping[str, Call | None], *, persistent: Callable[[object], object], where: str
) -> object:
    """Runs a pickle on stand-ins.

    Args:
        data: The pickle.
        calls: The names it may use, each with what stands for calling it; None where it must not be called.
        persistent: What stands for the object of a persistent id.
        where: Place of the pickle, for findings.

    Returns:
        The stand-in of the object: tuples, lists, dictionaries with string keys, numbers, strings, `OrderedMapping` and
        what `calls` and `persistent` return.

    Raises:
        Refusal: At the first opcode, name, call or structure that is not expected.
    """
    machine = _Machine(data, calls, persistent, where)
    try:
        return machine.run()
    except (IndexError, KeyError, struct.error) as error:  # a stack that ran empty, an unset memo, a cut argument
        what = f"the pickle {where} ends early or is damaged at byte {machine.position}"
        raise Refusal(PICKLE_LIMITS, what, where=where) from error


class _Machine:
    def __init__(
        self, data: bytes, calls: Mapping[str, Call | None], persistent: Callable[[object], object], where: str
    ) -> None:
        self._data, self._calls, self._persistent, self._where = data, calls, persistent, where
        self.position = 0
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> object:
        if len(self._data) > PICKLE_LIMIT:
            raise self._refusal(PICKLE_LIMITS, f"has {len(self._data)} bytes, more than {PICKLE_LIMIT}")
        for _ in range(_OPCODE_LIMIT):
            opcode = self._data[self.position]
            if opcode == ord("."):
                return self._result()
            step = self._STEPS.get(opcode)
            if step is None:
                name = _SPELLINGS.get(opcode, "no opcode")
                raise self._refusal(PICKLE_OPCODES, f"uses {name} ({opcode:#04x}), which torch.save does not write")
            self.position += 1
            step(self)
        raise self._refusal(PICKLE_LIMITS, f"has more than {_OPCODE_LIMIT} opcodes")

    def _result(self) -> object:
        result = self._stack.pop()
        if self._stack or self._below or self.position + 1 != len(self._data):
            hidden = len(self._data) - self.position - 1
            raise self._refusal(PICKLE_OPCODES, f"leaves {len(self._stack)} values and {hidden} bytes after its end")
        return result

    def _refusal(self, rule: Rule, problem: str) -> Refusal:
        names = mentioned_globals(self._data)
        mentioned = f"; it mentions {', '.join(names)}" if names and rule is not PICKLE_GLOBALS else ""
        return Refusal(rule, f"the pickle {self._where} {problem} (byte {self.position}){mentioned}", where=self._where)

    # Arguments

    def _take(self, size: int) -> bytes:
        taken = self._data[self.position : self.position + size]
        self.position += size
        if len(taken) < size:
            raise IndexError
        return taken

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _line(self) -> str:
        end = self._data.find(b"\n", self.position, self.position + _NAME_LIMIT)
        if end < 0 and len(self._data) < self.position + _NAME_LIMIT:
            raise IndexError
        if end < 0:
            raise self._refusal(PICKLE_GLOBALS, f"holds a name of more than {_NAME_LIMIT} bytes")
        return self._take(end + 1 - self.position)[:-1].decode("ascii", "backslashreplace")

    def _marked(self) -> list[Any]:
        """Returns what was pushed since the last mark, and takes it from the stack."""
        items, self._stack = self._stack, self._below.pop()
        return items

    # Opcodes

    def _protocol(self) -> None:
        protocol = self._number("<B")
        if protocol != _PROTOCOL or self.position != 2:
            raise self._refusal(PICKLE_OPCODES, f"says protocol {protocol}; torch.save writes {_PROTOCOL}, once")

    def _mark(self) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _global(self) -> None:
        name = f"{self._line()}.{self._line()}"
        if name not in self._calls:
            raise self._refusal(PICKLE_GLOBALS, f"names {shown(name)}, which no state dict needs")
        self._stack.append(Global(name))

    def _reduce(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        call = self._calls[function.name] if isinstance(function, Global) else None
        if call is None or not isinstance(arguments, tuple):
            name = shown(function.name) if isinstance(function, Global) else f"a {type(function).__name__}"
            raise self._refusal(PICKLE_CALLS, f"calls {name}, which no state dict calls")
        self._stack.append(call(arguments))

    def _build(self) -> None:
        attributes, target = self._stack.pop(), self._stack[-1]
        if type(target) is not OrderedMapping or type(attributes) is not dict:
            raise self._refusal(PICKLE_CALLS, f"sets the state of a {type(target).__name__}; expected an OrderedDict")
        target.attributes.update(attributes)

    def _identify(self) -> None:
        self._stack.append(self._persistent(self._stack.pop()))

    def _text(self) -> None:
        raw = self._take(self._number("<I"))
        try:
            self._stack.append(raw.decode("utf-8"))
        except UnicodeDecodeError:
            raise self._refusal(PICKLE_OPCODES, f"holds a text that is not UTF-8: {shown(raw)}") from None

    def _long(self) -> None:
        self._stack.append(int.from_bytes(self._take(self._number("<B")), "little", signed=True))

    def _put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def _tuple(self, size: int) -> None:
        items = tuple(self._stack[-size:])
        if len(items) < size:
            raise IndexError
        self._stack[-size:] = [items]

    def _tuple_from_mark(self) -> None:
        items = tuple(self._marked())
        self._stack.append(items)

    def _append(self, items: list[Any]) -> None:
        if type(self._stack[-1]) is not list:
            raise self._refusal(PICKLE_CALLS, f"appends to a {type(self._stack[-1]).__name__}; expected a list")
        self._stack[-1].extend(items)

    def _set(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) not in (dict, OrderedMapping) or len(items) % 2:
            raise self._refusal(PICKLE_CALLS, f"sets items of a {type(target).__name__}; expected a dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) is not str or key in target:  # a nested tuple of a few bytes takes for ever to hash
                name = shown(key) if type(key) is str else f"a {type(key).__name__}"
                raise self._refusal(PICKLE_CALLS, f"uses {name} as a key, or uses it twice; expected distinct names")
            target[key] = value

    _STEPS: ClassVar[Mapping[int, Callable[["_Machine"], object]]] = {
        0x80: _protocol,
        ord("("): _mark,
        ord("c"): _global,
        ord("R"): _reduce,
        ord("b"): _build,
        ord("Q"): _identify,
        ord("X"): _text,
        0x8A: _long,
        ord("J"): lambda self: self._stack.append(self._number("<i")),
        ord("K"): lambda self: self._stack.append(self._number("<B")),
        ord("M"): lambda self: self._stack.append(self._number("<H")),
        ord("G"): lambda self: self._stack.append(self._number(">d")),
        ord("N"): lambda self: self._stack.append(None),
        0x88: lambda self: self._stack.append(True),
        0x89: lambda self: self._stack.append(False),
        ord(")"): lambda self: self._stack.append(()),
        ord("t"): _tuple_from_mark,
        0x85: lambda self: self._tuple(1),
        0x86: lambda self: self._tuple(2),
        0x87: lambda self: self._tuple(3),
        ord("]"): lambda self: self._stack.append([]),
        ord("a"): lambda self: self._append([self._stack.pop()]),
        ord("e"): lambda self: self._append(self._marked()),
        ord("}"): lambda self: self._stack.append({}),
        ord("s"): lambda self: self._set([self._stack.pop(-2), self._stack.pop()]),
        ord("u"): lambda self: self._set(self._marked()),
        ord("q"): lambda self: self._put(self._number("<B")),
        ord("r"): lambda self: self._put(self._number("<I")),
        ord("h"): lambda self: self._stack.append(self._memo[self._number("<B")]),
        ord("j"): lambda self: self._stack.append(self._memo[self._number("<I")]),
    }


def mentioned_globals(data: bytes) -> list[str]:
    """Returns names that a refused pickle asks for beyond torch's own, so that a finding can say them.

    It may miss some: a finding never depends on it. Several pickles in a row are read, as torch wrote before 1.6.
    """
    names: list[str] = []
    texts: list[str] = []
    stream = BytesIO(data)
    try:
        for opcode, argument, _ in islice(chain.from_iterable(map(pickletools.genops, repeat(stream))), _OPCODES_NAMED):
            if opcode.name in ("GLOBAL", "INST"):
                names.append(str(argument).replace(" ", "."))
            elif opcode.name == "STACK_GLOBAL":
                names.append(".".join(texts[-2:]))
            elif opcode.name.startswith("EXT"):
                names.append(f"extension {argument}")
            elif isinstance(argument, str):
                texts.append(argument)
    except (ValueError, EOFError, struct.error):  # it is damaged, or at its end
        pass
    strange = dict.fromkeys(name for name in names if not name.startswith(("torch.", "collections.")))
    return [shown(name) for name in islice(strange, _NAMES_SHOWN)]
