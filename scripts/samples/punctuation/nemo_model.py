"""Making, saving and restoring the model through NeMo's own class, without a model hub.

NeMo asks the hub for the tokenizer and the encoder of `pretrained_model_name`, even when it restores a checkpoint that
has both. A folder of that name in the working directory will do as well, and that is what `offline_hub` provides.
"""

import contextlib
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.samples.punctuation.data import CAPITALS, PUNCTUATION

if TYPE_CHECKING:
    from nemo.collections.nlp.models import PunctuationCapitalizationModel

NAME = "bert-base-uncased"  # what published checkpoints say; only the family and the lower case are meant
LONGEST = 256  # pieces that the encoder has positions for

ENCODER = {
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 512,
    "max_position_embeddings": LONGEST,
}
LABEL_FILES = {"punct_label_ids.csv": PUNCTUATION, "capit_label_ids.csv": CAPITALS}


@contextlib.contextmanager
def offline_hub(encoder: Mapping[str, Any], vocabulary: Sequence[str]) -> Iterator[Path]:
    """Changes into a temporary folder that answers for the hub; NeMo must be imported inside.

    Args:
        encoder: What differs from Hugging Face's BertConfig.
        vocabulary: Word pieces in the order of their ids.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        os.environ |= {"HF_HOME": f"{folder}/hugging_face", "HF_HUB_OFFLINE": "1"}  # NeMo writes beside the cache
        from transformers import BertConfig, BertModel

        hub = Path(folder, NAME)
        BertModel(BertConfig(vocab_size=len(vocabulary), **encoder)).save_pretrained(hub)
        (hub / "vocab.txt").write_text("".join(f"{piece}\n" for piece in vocabulary), encoding="utf-8")
        tokenizer = {"tokenizer_class": "BertTokenizer", "do_lower_case": True}
        (hub / "tokenizer_config.json").write_text(json.dumps(tokenizer))
        yield Path(folder)


def make_model(vocabulary: Sequence[str], seed: int, work: Path) -> "PunctuationCapitalizationModel":
    """An untrained model; `work` is the folder of `offline_hub`."""
    import torch
    from nemo.collections.nlp.models import PunctuationCapitalizationModel
    from omegaconf import OmegaConf

    for name, labels in LABEL_FILES.items():
        (work / name).write_text("\n".join(labels), encoding="utf-8")
    head = {"num_fc_layers": 1, "fc_dropout": 0.1, "activation": "relu", "use_transformer_init": True}
    config = {
        "class_labels": dict(zip(("punct_labels_file", "capit_labels_file"), LABEL_FILES, strict=True)),
        "common_dataset_parameters": {
            "pad_label": "O",
            "ignore_extra_tokens": True,
            "ignore_start_end": True,
            "punct_label_ids": None,
            "capit_label_ids": None,
            "label_vocab_dir": str(work),
        },
        "punct_head": head,
        "capit_head": head,
        "tokenizer": {
            "tokenizer_name": NAME,
            "vocab_file": None,
            "tokenizer_model": None,
            "special_tokens": None,
        },
        "language_model": {
            "pretrained_model_name": NAME,
            "lm_checkpoint": None,
            "config_file": None,
            "config": None,
        },
        "train_ds": None,
        "validation_ds": None,
        "test_ds": None,
        "optim": None,
    }
    torch.manual_seed(seed)
    return PunctuationCapitalizationModel(cfg=OmegaConf.create(config))


def save_model(model: "PunctuationCapitalizationModel", out: Path) -> None:
    """Writes `out` with NeMo's `save_to`, without this machine's paths."""
    model.eval()
    model.cfg.common_dataset_parameters.label_vocab_dir = None  # the labels are in the archive now
    model.save_to(str(out))


@contextlib.contextmanager
def restored(checkpoint: Path) -> "Iterator[PunctuationCapitalizationModel]":
    """A checkpoint restored by NeMo's `restore_from`."""
    with tarfile.open(checkpoint) as archive:
        members = {member.name: member for member in archive}
        encoder = json.load(_only(archive, members, "_encoder_config.json"))
        vocabulary = _only(archive, members, "_vocab.txt").read().decode().splitlines()
    with offline_hub({key: encoder[key] for key in ENCODER}, vocabulary):
        from nemo.collections.nlp.models import PunctuationCapitalizationModel

        yield PunctuationCapitalizationModel.restore_from(str(checkpoint.absolute()), map_location="cpu").eval()


def _only(archive: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], ending: str) -> Any:
    [name] = [name for name in members if name.endswith(ending)]
    return archive.extractfile(members[name])
