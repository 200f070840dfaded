"""Every weight is looked at, in every type, and none too many."""

import struct
from pathlib import Path

import pytest

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.verdict.findings import Finding
from pipelines.verdict.firewall.finite import check_finite
from pipelines.verdict.firewall.inspection import inspect
from tests.nemo_checkpoints import write_nemo
from tests.torch_archives import Tensor, torch_archive

NUMBERS = {  # of each type: the largest, the smallest, the negative zero; NaN, infinity, minus infinity
    "float64": [0x7FEFFFFFFFFFFFFF, 1, 1 << 63, 0x7FF8000000000000, 0x7FF0000000000000, 0xFFF0000000000000],
    "float32": [0x7F7FFFFF, 1, 1 << 31, 0x7FC00000, 0x7F800000, 0xFF800000],
    "float16": [0x7BFF, 1, 1 << 15, 0x7E00, 0x7C00, 0xFC00],
    "bfloat16": [0x7F7F, 1, 1 << 15, 0x7FC0, 0x7F80, 0xFF80],
}
CODES = {"float64": "Q", "float32": "I", "float16": "H", "bfloat16": "H"}


def scanned(folder: Path, tensors: dict[str, Tensor], mode: str = "w") -> list[Finding]:
    members = {"./model_weights.ckpt": torch_archive(tensors)}
    with NemoCheckpoint.open(write_nemo(folder / "a.nemo", members=members, mode=mode)) as checkpoint:
        return list(check_finite(checkpoint, inspect(checkpoint).state))


def numbers(dtype: str, *bits: int) -> Tensor:
    return Tensor((len(bits),), dtype, struct.pack(f"<{len(bits)}{CODES[dtype]}", *bits))


@pytest.mark.parametrize("dtype", NUMBERS)
def test_the_extremes_of_a_type_are_numbers(tmp_path: Path, dtype: str) -> None:
    """The largest and smallest numbers and negative zero are no findings."""
    assert scanned(tmp_path, {"a": numbers(dtype, *NUMBERS[dtype][:3])}) == []


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize(("dtype", "bits"), [(dtype, bits) for dtype in NUMBERS for bits in NUMBERS[dtype][3:]])
def test_nan_and_infinity_are_found(tmp_path: Path, dtype: str, bits: int, mode: str) -> None:
    """One of them among ordinary numbers is found in every type, with the tensor and the place."""
    tensors = {"good": numbers(dtype, 1, 2), "bad": numbers(dtype, 1, 2, bits, 3)}

    (finding,) = scanned(tmp_path, tensors, mode)

    assert finding.rule.id == "weights-finite"
    assert f"number 2 of bad ({dtype}, shape (4,))" in finding.what
    assert finding.where == "model_weights.ckpt: bad"


@pytest.mark.parametrize("place", [0, 65_535, 65_536, 99_999])
def test_blocks_have_no_gaps(tmp_path: Path, place: int) -> None:
    """A number at the beginning, at the end, and around the end of a block is found."""
    content = bytearray(400_000)
    content[4 * place : 4 * place + 4] = struct.pack("<f", float("inf"))

    (finding,) = scanned(tmp_path, {"large": Tensor((100_000,), content=bytes(content))})

    assert f"number {place} of large" in finding.what


def test_several_tensors_are_one_finding(tmp_path: Path) -> None:
    """A model that diverged is said once, with the first names."""
    bad = numbers("float32", 0x7FC00000)

    (finding,) = scanned(tmp_path, {f"t{number}": bad for number in range(9)})

    assert "9 of 9 tensors" in finding.what
    assert "also t1, t2, t3, t4" in finding.what


def test_whole_numbers_are_left_alone(tmp_path: Path) -> None:
    """A count whose bits would be NaN as a floating-point number is a count."""
    assert scanned(tmp_path, {"steps": Tensor((1,), "int64", struct.pack("<Q", 0x7FF8000000000000))}) == []
