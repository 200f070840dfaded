"""Checkpoints that could be read, and not be exported."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tests import punctuation_checkpoints as punctuation
from tests.nemo_checkpoints import CTC_BPE, config, write_nemo
from tests.unit.pipelines.verdict.firing import Firing, judged

RNNT = "nemo.collections.asr.models.rnnt_bpe_models.EncDecRNNTBPEModel"


def _written(*configuration: Any, options: Mapping[str, Any] = MappingProxyType({}), **changes: Any) -> Firing:
    return judged(lambda folder: write_nemo(folder / "a.nemo", *configuration, **changes), **options)


FIRING: dict[str, Firing] = {
    "class-named": _written(config(target="")),
    "class-supported": _written(config(RNNT)),
    "weights-present": _written(without=("model_weights.ckpt",)),
    "artifact-present": _written(config(decoding={"lm": "nemo:lm.bin"})),
    "tokenizer-present": _written(config(CTC_BPE)),
    "preprocessor-supported": _written(
        config(preprocessor={"_target_": "nemo.collections.asr.modules.AudioToMFCCPreprocessor"})
    ),
    "encoder-supported": _written(config(encoder={"_target_": "nemo.collections.asr.modules.SqueezeformerEncoder"})),
    "labels-present": _written(
        punctuation.config(class_labels={}), members=punctuation.MEMBERS, options={"pipeline": "punctuation"}
    ),
    "vocabulary-present": _written(config(decoder={"num_classes": 3})),
    "pipeline-fits": _written(options={"pipeline": "punctuation"}),
}
