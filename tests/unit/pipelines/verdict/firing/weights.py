"""Weights that do not fit their configuration, or are no numbers."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.verdict.findings import Finding
from pipelines.verdict.firewall.finite import check_finite
from pipelines.verdict.firewall.inspection import inspect
from tests.nemo_checkpoints import config, write_nemo
from tests.torch_archives import Tensor, torch_archive
from tests.unit.pipelines.verdict.firing import Firing, judged

DECODER = {"_target_": "nemo.collections.asr.modules.ConvASRDecoder", "num_classes": 3, "vocabulary": [" ", "a", "b"]}
MEL = {"_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor"}


def _weights(tensors: Mapping[str, Tensor], **changes: Any) -> Firing:
    members = {"./model_weights.ckpt": torch_archive(tensors)}
    return judged(lambda folder: write_nemo(folder / "a.nemo", config(**changes), members=members))


def _not_finite(folder: Path) -> Sequence[Finding]:
    content = struct.pack("<4f", 1.0, 2.0, float("nan"), 4.0)
    members = {"./model_weights.ckpt": torch_archive({"weight": Tensor((4,), content=content)})}
    with NemoCheckpoint.open(write_nemo(folder / "a.nemo", members=members)) as checkpoint:
        return tuple(check_finite(checkpoint, inspect(checkpoint).state))


FIRING: dict[str, Firing] = {
    "shapes-agree": _weights({"decoder.decoder_layers.0.weight": Tensor((9, 16, 1))}, decoder=DECODER),
    "rates-agree": _weights({"weight": Tensor((4,))}, preprocessor={**MEL, "sample_rate": 8000}),
    "weights-finite": _not_finite,
}
