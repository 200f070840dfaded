"""Attacks through the pickle of the weights, and through the zip around it."""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.hostile.careless import unpickle, unpickle_members
from tests.hostile.vector import Vector
from tests.nemo_checkpoints import write_nemo
from tests.torch_archives import (
    FOLDER,
    Tensor,
    call,
    integer,
    name,
    persistent,
    pickled,
    rebuilt,
    text,
    torch_archive,
    tuple_of,
)

__all__ = ["PAYLOADS", "VECTORS"]

TENSORS = {"weight": Tensor((2, 3))}
GOOD = rebuilt(TENSORS["weight"], "0")

Payload = Callable[[Path], bytes]
"""The opcodes of an attack that creates the mark."""


def system(mark: Path) -> bytes:
    """`os.system`, the plainest of all."""
    return call(name("os", "system"), text(f"touch {mark}"))


def _execute(mark: Path) -> bytes:
    return call(name("builtins", "exec"), text(f"open({str(mark)!r}, 'w').close()"))


def _nested(mark: Path) -> bytes:
    """The function is fetched by a harmless one."""
    return call(
        call(name("builtins", "getattr"), name("pathlib", "Path"), text("touch")),
        call(name("pathlib", "Path"), text(str(mark))),
    )


def _popen(mark: Path) -> bytes:
    return call(name("subprocess", "call"), b"](" + text("touch") + text(str(mark)) + b"e")


def _timeit(mark: Path) -> bytes:
    return call(
        name("timeit", "timeit"),
        text(f"open({str(mark)!r}, 'w').close()"),
        text("pass"),
        name("time", "perf_counter"),
        integer(1),
    )


def _runpy(mark: Path) -> bytes:
    script = mark.with_name("script.py")
    script.write_text(f"open({str(mark)!r}, 'w').close()")
    return call(name("runpy", "run_path"), text(str(script)))


def _memoised(mark: Path) -> bytes:
    """The function waits in the memo while harmless things happen."""
    return name("os", "system") + b"q\x07" + b"0" + GOOD + b"0" + b"h\x07" + tuple_of(text(f"touch {mark}")) + b"R"


def _inst(mark: Path) -> bytes:
    return b"(" + text(f"touch {mark}") + b"ios\nsystem\n"


def _obj(mark: Path) -> bytes:
    return b"(" + name("os", "system") + text(f"touch {mark}") + b"o"


def _newobj(mark: Path) -> bytes:
    """A class instead of a function: its `__new__` is called."""
    return name("subprocess", "Popen") + b")\x81" + b"}" + b"b"


def _stack_global(mark: Path) -> bytes:
    return text("os") + text("system") + b"\x93" + tuple_of(text(f"touch {mark}")) + b"R"


PAYLOADS: tuple[Payload, ...] = (system, _execute, _nested, _popen, _memoised, _inst, _obj, _stack_global)
"""Attacks as the value of a state dict."""


def _dotted(mark: Path) -> bytes:
    """A name with a dot, from protocol 4 on: the function is found through a harmless module."""
    attack = b"cpathlib\nos.system\n" + tuple_of(text(f"touch {mark}")) + b"R"
    return b"\x80\x04" + pickled({"weight": GOOD, "attack": attack})[2:]


def _in_pickle(payload: Payload) -> Callable[[Path, Path], Path]:
    """A state dict in which one value is the attack."""

    def make(folder: Path, mark: Path) -> Path:
        pickle_ = pickled({"weight": GOOD, "attack": payload(mark)})
        return with_weights(folder, torch_archive(TENSORS, pickle=pickle_))

    return make


def _with_pickle(made: Callable[[Path], bytes]) -> Callable[[Path, Path], Path]:
    return lambda folder, mark: with_weights(folder, torch_archive(TENSORS, pickle=made(mark)))


def _with_weights(made: Callable[[Path], bytes]) -> Callable[[Path, Path], Path]:
    return lambda folder, mark: with_weights(folder, made(mark))


def with_weights(folder: Path, content: bytes) -> Path:
    """A checkpoint with these weights."""
    return write_nemo(folder / "model.nemo", members={"./model_weights.ckpt": content})


class _Attack:
    """What pickle itself makes of `os.system`, in any protocol."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, (f"touch {self._mark}",)


def _protocol(number: int) -> Callable[[Path], bytes]:
    return lambda mark: pickle.dumps({"weight": _Attack(mark)}, protocol=number)


def _records(mark: Path, records: Mapping[str, bytes]) -> bytes:
    return torch_archive(TENSORS, records=records)


def _two_entries(mark: Path) -> bytes:
    """`data.pkl` twice: one reader takes the first, another the last."""
    good, bad = pickled({"weight": GOOD}), pickled({"weight": system(mark)})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for record, content in (("data.pkl", good), ("data/0", TENSORS["weight"].data), ("data_pkl", bad)):
            archive.writestr(f"{FOLDER}/{record}", content)
    return file.getvalue().replace(b"data_pkl", b"data.pkl")


def _renamed_in_directory(mark: Path) -> bytes:
    """The header before a record gives another name than the directory."""
    content = _with_extra(mark, "data_pkl")
    directory = content.rindex(b"data_pkl")
    return content[:directory] + b"data/99 "[: len(b"data_pkl")] + content[directory + len(b"data_pkl") :]


def _with_extra(mark: Path, record: str) -> bytes:
    return torch_archive(TENSORS, records={record: pickled({"weight": system(mark)})})


def _flagged(mark: Path) -> bytes:
    """Marked as encrypted in the directory only: scanners give up, torch does not look."""
    content = bytearray(torch_archive(TENSORS, pickle=pickled({"weight": system(mark)})))
    content[content.index(b"PK\1\2") + 8] |= 1
    return bytes(content)


def _wrong_checksum(mark: Path) -> bytes:
    """A checksum that does not fit: scanners stop with an error, torch can be told not to look."""
    content = bytearray(torch_archive(TENSORS, pickle=pickled({"weight": system(mark)})))
    for signature, place in ((b"PK\3\4", 14), (b"PK\1\2", 16)):
        start = content.index(signature) + place
        content[start : start + 4] = struct.pack("<I", 0xBADC0DE)
    return bytes(content)


def _legacy(mark: Path) -> bytes:
    """torch's format before 1.6: a magic number, a version, facts about the machine, then the object."""
    parts = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    return b"".join(parts) + pickled({"weight": system(mark)})


def _vector(label: str, rule: str, said: str, payload: Payload) -> Vector:
    return Vector(name=label, rule=rule, said=said, make=_in_pickle(payload), trigger=unpickle)


VECTORS = (
    _vector("pickle-os-system", "pickle-globals", "os.system", system),
    _vector("pickle-exec", "pickle-globals", "builtins.exec", _execute),
    _vector("pickle-getattr", "pickle-globals", "builtins.getattr", _nested),
    _vector("pickle-subprocess", "pickle-globals", "subprocess.call", _popen),
    _vector("pickle-timeit", "pickle-globals", "timeit.timeit", _timeit),
    _vector("pickle-runpy", "pickle-globals", "runpy.run_path", _runpy),
    _vector("pickle-memo", "pickle-globals", "os.system", _memoised),
    _vector("pickle-inst", "pickle-opcodes", "os.system", _inst),
    _vector("pickle-obj", "pickle-globals", "os.system", _obj),
    _vector("pickle-stack-global", "pickle-opcodes", "os.system", _stack_global),
    Vector(name="pickle-newobj", rule="pickle-globals", said="subprocess.Popen", make=_in_pickle(_newobj)),
    Vector(name="pickle-extension", rule="pickle-opcodes", said="EXT1", make=_in_pickle(lambda _: b"\x82\x05")),
    Vector(
        name="pickle-persistent-id",
        rule="pickle-calls",
        said="no storage",
        make=_in_pickle(lambda _: tuple_of(text("module"), text("os"), text("system")) + b"Q"),
    ),
    Vector(
        name="pickle-set-attributes",
        rule="pickle-calls",
        said="'keys'",
        make=_with_pickle(lambda _: pickled({"weight": GOOD}, after=b"}" + text("keys") + text("x") + b"sb")),
    ),
    Vector(
        name="pickle-dotted-name",
        rule="pickle-opcodes",
        said="pathlib.os.system",
        make=_with_pickle(_dotted),
        trigger=unpickle,
    ),
    Vector(
        name="pickle-torch-hub",
        rule="pickle-globals",
        said="torch.hub.load",
        make=_in_pickle(lambda _: call(name("torch.hub", "load"), text("somebody/model"), text("model"))),
    ),
    Vector(
        name="pickle-second",
        rule="pickle-opcodes",
        said="os.system",
        make=_with_pickle(lambda mark: pickled({"weight": GOOD}) + pickled({"weight": system(mark)})),
        trigger=unpickle,
    ),
    *(
        Vector(
            name=f"pickle-protocol-{number}",
            rule="pickle-globals" if number in (1, 2) else "pickle-opcodes",
            said="system",
            make=_with_pickle(_protocol(number)),
            trigger=unpickle,
        )
        for number in range(pickle.HIGHEST_PROTOCOL + 1)
    ),
    Vector(
        name="weights-bare-pickle",
        rule="pickle-globals",
        said="os.system",
        make=_with_weights(lambda mark: pickled({"weight": system(mark)})),
        trigger=unpickle,
    ),
    Vector(
        name="weights-old-format",
        rule="pickle-globals",
        said="os.system",
        make=_with_weights(_legacy),
        trigger=unpickle,
    ),
    Vector(
        name="weights-second-pickle",
        rule="weights-records",
        said="constants.pkl",
        make=_with_weights(lambda mark: _with_extra(mark, "constants.pkl")),
        trigger=unpickle,
    ),
    Vector(
        name="weights-other-suffix",
        rule="weights-records",
        said="data.bin",
        make=_with_weights(lambda mark: _with_extra(mark, "data.bin")),
        trigger=unpickle,
    ),
    Vector(
        name="weights-torchscript",
        rule="weights-records",
        said="code/__torch__.py",
        make=_with_weights(lambda _: torch_archive(TENSORS, records={"code/__torch__.py": b"def forward(self): ..."})),
    ),
    Vector(
        name="weights-duplicate-record",
        rule="weights-zip",
        said="occurs twice",
        make=_with_weights(_two_entries),
        trigger=unpickle,
    ),
    Vector(name="weights-two-names", rule="weights-zip", said="data_pkl", make=_with_weights(_renamed_in_directory)),
    Vector(name="weights-encrypted-flag", rule="weights-zip", said="encrypted", make=_with_weights(_flagged)),
    Vector(name="weights-wrong-checksum", rule="pickle-globals", said="os.system", make=_with_weights(_wrong_checksum)),
    Vector(
        name="weights-compressed",
        rule="weights-zip",
        said="compressed",
        make=_with_weights(
            lambda mark: torch_archive(
                TENSORS, pickle=pickled({"weight": system(mark)}), compression=zipfile.ZIP_DEFLATED
            )
        ),
        trigger=unpickle,
    ),
    Vector(
        name="weights-appended",
        rule="weights-zip",
        said="bytes were appended",
        make=_with_weights(lambda mark: torch_archive(TENSORS) + pickled({"weight": system(mark)})),
    ),
    Vector(
        name="weights-prepended",
        rule="pickle-globals",
        said="os.system",
        make=_with_weights(lambda mark: pickled({"weight": system(mark)}) + torch_archive(TENSORS)),
        trigger=unpickle,
    ),
    Vector(
        name="tensor-outside-storage",
        rule="tensor-bounds",
        said="does not lie in its storage",
        make=_in_pickle(lambda _: rebuilt(TENSORS["weight"], "0", first=1 << 30)),
    ),
    Vector(
        name="tensor-expanded",
        rule="tensor-bounds",
        said="does not lie in its storage",
        make=_in_pickle(lambda _: _expanded()),
    ),
    Vector(
        name="tensor-storage-too-large",
        rule="tensor-bounds",
        said="its record data/'0' has 24 bytes",
        make=_in_pickle(lambda _: persistent("0", "FloatStorage", 1 << 40)),
    ),
    Vector(
        name="tokenizer-pickle",
        rule="pickle-members",
        said="os.system",
        make=lambda folder, mark: write_nemo(
            folder / "model.nemo", members={"tokenizer.pkl": pickled({"a": system(mark)})}
        ),
        trigger=unpickle_members,
    ),
    Vector(
        name="tokenizer-pickle-renamed",
        rule="pickle-members",
        said="os.system",
        make=lambda folder, mark: write_nemo(
            folder / "model.nemo", members={"tokenizer.model": pickled({"a": system(mark)})}
        ),
        trigger=unpickle_members,
    ),
)


def _expanded() -> bytes:
    """A tensor of a terabyte in a storage of a few bytes, by strides of zero."""
    return call(
        name("torch._utils", "_rebuild_tensor_v2"),
        persistent("0", "FloatStorage", 6),
        integer(0),
        tuple_of(integer(1 << 38)),
        tuple_of(integer(0)),
        b"\x89",
        call(name("collections", "OrderedDict")),
    )
