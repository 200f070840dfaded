"""The tensors of a checkpoint are known without torch: names, shapes, types and places."""

import io
from pathlib import Path

import pytest

from pipelines.archive.nemo import WEIGHTS, NemoCheckpoint
from pipelines.verdict.firewall.state_dict import read_state_dict
from pipelines.verdict.firewall.tensors import StateDict
from tests.torch_archives import (
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

ROOT = Path(__file__).parents[5]
SAMPLES = sorted([*ROOT.glob("checkpoints/*/model.nemo"), *ROOT.glob("tests/assets/*/model.nemo")])
ONE = Tensor((2, 3))
ORDERED = call(name("collections", "OrderedDict"))
ZERO, ONES = integer(0), integer(1)


def read(content: bytes) -> StateDict:
    return read_state_dict(io.BytesIO(content), len(content), member="weights")


def with_pickle(pickle: bytes, **records: bytes) -> StateDict:
    return read(torch_archive({"one": ONE}, pickle=pickle, records=records))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.parent.name)
def test_real_checkpoints_are_read_whole(sample: Path) -> None:
    """Every tensor of the samples is found, and together they fill the weights but for headers."""
    with NemoCheckpoint.open(sample) as checkpoint, checkpoint.open_member(WEIGHTS) as stream:
        size = checkpoint.size(WEIGHTS)
        found = read_state_dict(stream, size, member=WEIGHTS)

    assert found.findings == ()
    assert 0.9 * size < sum(storage.size for storage in found.storages) < size


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "int64", "uint8"])
def test_a_tensor_says_where_it_is(dtype: str) -> None:
    """Shape, type and the place of the numbers are right for every type, scalars included."""
    tensors = {"scalar": Tensor((), dtype), "matrix": Tensor((2, 3), dtype)}
    content = torch_archive(tensors)

    found = read(content)

    assert found.findings == ()
    assert [(tensor.name, tensor.shape, tensor.dtype) for tensor in found.tensors] == [
        ("scalar", (), dtype),
        ("matrix", (2, 3), dtype),
    ]
    assert [tensor.elements for tensor in found.tensors] == [1, 6]
    storage = found.tensors[1].storage
    assert content[storage.offset : storage.offset + storage.size] == tensors["matrix"].data
    assert found.shape("matrix") == (2, 3)
    assert found.shape("nowhere") is None


def test_tensors_may_share_a_storage() -> None:
    """Tied weights and views are two tensors in one storage."""
    view = rebuilt(Tensor((3,), content=ONE.data), "0", first=3, strides=(1,))

    found = with_pickle(pickled({"one": rebuilt(ONE, "0"), "tied": rebuilt(ONE, "0"), "view": view}))

    assert [tensor.first for tensor in found.tensors] == [0, 0, 3]
    assert len(found.storages) == 1


def test_parameters_are_tensors() -> None:
    """A state dict that was taken with keep_vars=True holds parameters."""
    parameter = call(name("torch._utils", "_rebuild_parameter"), rebuilt(ONE, "0"), b"\x88", ORDERED)

    assert with_pickle(pickled({"one": parameter})).shape("one") == (2, 3)


def test_metadata_of_modules_is_known() -> None:
    """The versions that torch hangs on a state dict are no finding."""
    metadata = b"}" + text("_metadata") + ORDERED + text("encoder") + b"}" + text("version") + b"K\x01sssb"

    assert with_pickle(pickled({"one": rebuilt(ONE, "0")}, after=metadata)).findings == ()


def _called(*arguments: bytes) -> bytes:
    return call(name("torch._utils", "_rebuild_tensor_v2"), *arguments)


STORAGE = persistent("0", "FloatStorage", 6)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (integer(1), "state-dict"),
        (b"}", "state-dict"),
        (persistent("9", "FloatStorage", 6), "tensor-bounds"),
        (persistent("0", "FloatStorage", 7), "tensor-bounds"),
        (persistent("0", "FloatStorage", -6), "tensor-bounds"),
        (persistent("0", "DoubleStorage", 3) + b"0" + rebuilt(ONE, "0"), "tensor-bounds"),
        (persistent("0", "UntypedStorage", 24), "pickle-globals"),
        (tuple_of(text("storage"), text("FloatStorage"), text("0"), text("cpu"), integer(6)) + b"Q", "pickle-calls"),
        (text("0") + b"Q", "pickle-calls"),
        (rebuilt(ONE, "0", strides=(6, 1)), "tensor-bounds"),
        (rebuilt(ONE, "0", first=1), "tensor-bounds"),
        (rebuilt(ONE, "0", first=-1), "pickle-calls"),
        (rebuilt(ONE, "0", strides=(-3, 1)), "pickle-calls"),
        (rebuilt(ONE, "0", strides=(1,)), "pickle-calls"),
        (_called(STORAGE, ZERO, tuple_of(integer(1 << 60)), tuple_of(ZERO), b"\x89", ORDERED), "pickle-calls"),
        (_called(STORAGE, ZERO, tuple_of(*[ONES] * 20), tuple_of(*[ONES] * 20), b"\x89", ORDERED), "tensor-bounds"),
        (_called(STORAGE, ZERO, tuple_of(integer(7)), tuple_of(ZERO), b"\x89", ORDERED), "tensor-bounds"),
        (_called(STORAGE, ZERO, tuple_of(), tuple_of(), b"\x89"), "pickle-calls"),
        (_called(STORAGE, ZERO, tuple_of(), tuple_of(), b"\x89", b"}"), "pickle-calls"),
        (_called(), "pickle-calls"),
        (call(name("collections", "OrderedDict"), b"]"), "pickle-calls"),
        (call(name("torch._utils", "_rebuild_parameter"), integer(1), b"\x88", ORDERED), "pickle-calls"),
    ],
)
def test_only_whole_tensors_are_accepted(value: bytes, rule: str) -> None:
    """What claims to be a tensor and is none, or lies outside its storage, is refused by its rule."""
    (finding,) = with_pickle(pickled({"one": rebuilt(ONE, "0"), "other": value})).findings

    assert finding.rule.id == rule
    assert finding.where


@pytest.mark.parametrize(
    ("content", "rule", "said"),
    [
        (torch_archive({"one": ONE}, pickle=b"\x80\x02]."), "state-dict", "holds a list"),
        (torch_archive({"one": ONE}, pickle=pickled({})), "weights-records", "1 records that no tensor uses"),
        (torch_archive({"one": ONE}, records={"data/x": b""}), "weights-records", "data/x"),
        (torch_archive({"one": ONE}, records={"version": b"3" * 100}), "weights-records", "version (100 bytes)"),
        (torch_archive({}, records={"data.pk": b""}).replace(b"data.pkl", b"data_pkl"), "weights-records", "data_pkl"),
        (torch_archive({"one": ONE}).replace(b"little", b"bigbig"), "weights-format", "byte order"),
        (torch_archive({}, pickle=b"N" * (9 << 20)), "pickle-limits", "has 9437184 bytes, more than"),
        (b"\x80\x02N.", "weights-format", "bare pickle"),
        (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "weights-format", "bare pickle"),
    ],
    ids=["list", "unused", "no_number", "long", "no_pickle", "byte_order", "large", "pickle", "old_format"],
)
def test_other_archives_are_refused(content: bytes, rule: str, said: str) -> None:
    """What torch.save writes for other objects, wrote long ago, or never wrote, is told apart."""
    (finding,) = read(content).findings

    assert finding.rule.id == rule
    assert said in finding.what


@pytest.mark.parametrize("after", [b"}" + text("x") + b"Nsb", b"}" + text("_metadata") + b"}" + text("a") + b"Nssb"])
def test_other_attributes_are_refused(after: bytes) -> None:
    """A state dict has no attributes but its metadata, and those are mappings."""
    (finding,) = with_pickle(pickled({"one": rebuilt(ONE, "0")}, after=after)).findings

    assert finding.rule.id == "pickle-calls"
