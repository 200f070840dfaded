"""Checkpoints that are called something else than they are."""

from pathlib import Path
from typing import Any

from tests.nemo_checkpoints import write_nemo
from tests.torch_archives import Tensor, torch_archive
from tests.unit.pipelines.verdict.firing import Firing, judged

HALF = {"./model_weights.ckpt": torch_archive({"decoder.weight": Tensor((4, 16, 1), "float16")})}


def _called(name: str, *configuration: Any, **changes: Any) -> Firing:
    def make(folder: Path) -> Path:
        return write_nemo(folder / f"{name}.nemo", *configuration, **changes)

    return judged(make)


FIRING: dict[str, Firing] = {
    "alphabet-as-named": _called("stt_de_conformer_ctc"),
    "architecture-as-named": _called("stt_en_citrinet_512"),
    "language-as-named": _called("asr-ru-RU"),
    "precision-as-named": _called("asr-fp32", members=HALF),
    "sample-rate-as-named": _called("asr-8khz"),
}
