"""What speech recognition knows of the NeMo classes it takes."""

from typing import Any

import pytest

from pipelines.speech_recognition.checkpoint import (
    config_for_nemo,
    patch_config,
    receptive_field,
)
from tests.nemo_checkpoints import CTC_BPE, config


def block(kernel: int, *, repeat: int = 1, stride: int = 1, dilation: int = 1, **more: Any) -> dict[str, Any]:
    return {"filters": 8, "repeat": repeat, "kernel": [kernel], "stride": [stride], "dilation": [dilation], **more}


def test_the_number_of_classes_is_filled_in() -> None:
    """`num_classes: -1` becomes the number of tokens; anything else is left alone."""
    unset = config(decoder={"num_classes": -1, "vocabulary": ["a", "b"]})

    patched = patch_config(unset)

    assert patched is not None
    assert patched["decoder"] == {"num_classes": 2, "vocabulary": ["a", "b"]}
    assert unset["decoder"]["num_classes"] == -1
    assert patch_config(config()) is None


def test_nemo_sees_no_path_of_the_maker() -> None:
    """Training data and the maker's tokenizer folder are not in the configuration that NeMo restores from."""
    clean = config_for_nemo(config(CTC_BPE))

    assert "train_ds" not in clean
    assert clean["tokenizer"] == {"dir": "", "type": "bpe", "model_path": "nemo:0123_tokenizer.model"}
    assert "/home" not in str(clean)


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([block(11, stride=2), block(9, repeat=2)], (5 + 2 * 2 * 4, 5 + 2 * 2 * 4)),
        ([block(5, repeat=2, stride=2)], (2 + 2 * 2, 2 + 2 * 2)),
        ([block(5, repeat=2, stride=2, stride_last=True), block(3)], (2 + 2 + 2, 2 + 2 + 2)),
        ([block(5, dilation=3)], (6, 6)),
        ([block(5, future_context=1)], (3, 1)),
        ([block(11, kernel_size_factor=0.5)], (2, 2)),
        ([block(5, se=True, se_context_size=-1)], None),
        (None, None),
    ],
    ids=["stride", "stride_each_repeat", "stride_last", "dilation", "asymmetric", "narrow", "global", "attention"],
)
def test_receptive_fields(blocks: list[dict[str, Any]] | None, expected: tuple[int, int] | None) -> None:
    """How far a convolutional output looks is computed from the blocks; others look everywhere."""
    assert receptive_field(config(encoder={"_target_": "x.ConvASREncoder", "jasper": blocks})) == expected
