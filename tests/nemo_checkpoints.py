"""`.nemo` files for tests, made without NeMo: the right form, with any part left out or wrong."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.torch_archives import Tensor, torch_archive

CTC = "nemo.collections.asr.models.ctc_models.EncDecCTCModel"
CTC_BPE = "nemo.collections.asr.models.ctc_bpe_models.EncDecCTCModelBPE"
TOKENIZER = "0123_tokenizer.model"
WEIGHTS = torch_archive({"decoder.weight": Tensor((4, 16, 1)), "decoder.bias": Tensor((4,))})


def config(target: str = CTC, **changes: Any) -> dict[str, Any]:
    """A configuration as NeMo saves it, with top-level sections replaced; None removes one."""
    whole = {
        "target": target,
        "nemo_version": "3.0.0",
        "sample_rate": 16000,
        "preprocessor": {"_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor"},
        "encoder": {"_target_": "nemo.collections.asr.modules.ConformerEncoder", "d_model": 16},
        "decoder": {"num_classes": 3, "vocabulary": [" ", "a", "b"]},
        "train_ds": {"manifest_filepath": "/home/somebody/train.json"},
        **(
            {"tokenizer": {"dir": "/home/somebody", "type": "bpe", "model_path": f"nemo:{TOKENIZER}"}}
            if target == CTC_BPE
            else {}
        ),
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def write_nemo(
    path: Path,
    configuration: Mapping[str, Any] | bytes | None = None,
    *,
    members: Mapping[str, bytes] | None = None,
    without: tuple[str, ...] = (),
    entries: tuple[tarfile.TarInfo, ...] = (),
    mode: str = "w",
) -> Path:
    """Writes a checkpoint.

    Args:
        path: The file.
        configuration: `model_config.yaml`, as a mapping or as it stands; that of a character model by default.
        members: More members, or other content of those.
        without: Members to leave out.
        entries: Headers of empty members that no honest tool writes.
        mode: As for `tarfile.open`.
    """
    text = configuration if isinstance(configuration, bytes) else yaml.safe_dump(configuration or config()).encode()
    files = {"./model_config.yaml": text, "./model_weights.ckpt": WEIGHTS, **(members or {})}
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            if name.removeprefix("./") not in without:
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        for entry in entries:
            tar.addfile(entry)
    return path
