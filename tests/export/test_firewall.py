"""What torch really writes passes the firewall, and what torch would run is refused by it."""

import io
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from pipelines.verdict.firewall.state_dict import read_state_dict
from pipelines.verdict.firewall.tensors import StateDict
from tests.hostile import pickles
from tests.hostile.vector import Vector

pytestmark = pytest.mark.export

DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.uint8,
    torch.bool,
]
RUN_BY_TORCH = [
    vector
    for vector in pickles.VECTORS
    if vector.trigger is not None and vector.name.startswith("pickle-") and vector.name != "pickle-second"
]


def saved(value: object, **options: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def read(content: bytes) -> StateDict:
    return read_state_dict(io.BytesIO(content), len(content), member="weights")


class Network(torch.nn.Module):
    """Has what real networks have: tied weights, buffers, a scalar, a norm with a version, a view."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(7, 4)
        self.norm = torch.nn.BatchNorm1d(4)
        self.head = torch.nn.Linear(4, 7)
        self.head.weight = self.embedding.weight
        self.register_buffer("positions", torch.arange(20).view(4, 5)[1:3].t())


@pytest.mark.parametrize("keep_vars", [False, True], ids=["tensors", "parameters"])
def test_state_dicts_are_read_as_torch_reads_them(keep_vars: bool) -> None:
    """Names, shapes, types and the bytes of every tensor are those that torch loads."""
    content = saved(Network().state_dict(keep_vars=keep_vars))
    expected = torch.load(io.BytesIO(content), weights_only=True)

    found = read(content)

    assert found.findings == ()
    assert [tensor.name for tensor in found.tensors] == list(expected)
    for tensor in found.tensors:
        loaded = expected[tensor.name]
        assert (tensor.shape, f"torch.{tensor.dtype}") == (tuple(loaded.shape), str(loaded.dtype))
        assert tensor.first == loaded.storage_offset()
        storage = tensor.storage
        raw = bytes(loaded.untyped_storage().tolist())
        assert content[storage.offset : storage.offset + storage.size] == raw


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_type_of_number_passes(dtype: torch.dtype) -> None:
    """Checkpoints in half precision and in double precision are checkpoints too."""
    found = read(saved({"a": torch.ones(3, dtype=dtype)}))

    assert [(tensor.name, f"torch.{tensor.dtype}") for tensor in found.tensors] == [("a", str(dtype))]


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: saved({"a": torch.ones(3)}, _use_new_zipfile_serialization=False), "weights-format"),
        (lambda: saved({"a": torch.ones(3)}, pickle_protocol=4), "pickle-opcodes"),
        (lambda: saved({"state_dict": {"a": torch.ones(3)}, "epoch": 1}), "state-dict"),
        (lambda: saved(torch.ones(3)), "state-dict"),
        (lambda: saved(torch.nn.Linear(2, 2)), "pickle-globals"),
        (lambda: saved({"a": torch.ones(3).to_sparse()}), "pickle-globals"),
        (lambda: saved({"a": torch.ones(3).expand(5, 3)}), "tensor-bounds"),
    ],
    ids=["old_format", "protocol_4", "training_checkpoint", "tensor", "module", "sparse", "expanded"],
)
def test_other_things_that_torch_writes_are_refused(make: Callable[[], bytes], rule: str) -> None:
    """Whole objects and other forms are no state dicts, and say so by their rule."""
    (finding,) = read(make()).findings

    assert finding.rule.id == rule


@pytest.mark.filterwarnings("ignore")  # torch warns of what this test is about
@pytest.mark.parametrize("vector", RUN_BY_TORCH, ids=lambda vector: vector.name)
def test_torch_itself_would_run_the_fixtures(tmp_path: Path, vector: Vector) -> None:
    """Loaded by torch without `weights_only`, as NeMo before 2.3 loads weights, the payloads leave their mark."""
    mark = tmp_path / "mark"
    with tarfile.open(vector.make(tmp_path, mark)) as tar:
        stream = tar.extractfile("./model_weights.ckpt")
        assert stream is not None
        content = stream.read()
    assert not mark.exists()

    with suppress(Exception):  # the payload gives torch something that is no tensor
        torch.load(io.BytesIO(content), weights_only=False)

    assert mark.exists()
