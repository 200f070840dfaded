"""Parts of punctuation checkpoints for tests, as NeMo saves them; `write_nemo` of `nemo_checkpoints.py` packs them."""

import json
from collections.abc import Mapping
from typing import Any

TARGET = (
    "nemo.collections.nlp.models.token_classification.punctuation_capitalization_model.PunctuationCapitalizationModel"
)
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##a", "##b", "hello")
ENCODER = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "vocab_size": len(VOCABULARY),
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 32,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "position_embedding_type": "absolute",
}
MEMBERS: Mapping[str, bytes] = {
    "1a_vocab.txt": "".join(f"{piece}\n" for piece in VOCABULARY).encode(),
    "2b_bert-base-uncased_encoder_config.json": json.dumps(ENCODER).encode(),
    "3c_punct_label_ids.csv": b"O\n,\n.\n?",
    "4d_capit_label_ids.csv": b"O\nU",
}


def config(**changes: Any) -> dict[str, Any]:
    """A configuration as NeMo saves it, with top-level sections replaced; None removes one."""
    whole = {
        "target": TARGET,
        "nemo_version": "2.4.1",
        "tokenizer": {"tokenizer_name": "bert-base-uncased", "vocab_file": "nemo:1a_vocab.txt"},
        "language_model": {
            "pretrained_model_name": "bert-base-uncased",
            "lm_checkpoint": "/home/somebody/lm.ckpt",
            "config_file": "nemo:2b_bert-base-uncased_encoder_config.json",
        },
        "class_labels": {
            "punct_labels_file": "nemo:3c_punct_label_ids.csv",
            "capit_labels_file": "nemo:4d_capit_label_ids.csv",
        },
        "common_dataset_parameters": {"pad_label": "O", "label_vocab_dir": "/home/somebody/labels"},
        "punct_head": {"num_fc_layers": 1, "activation": "relu"},
        "capit_head": {"num_fc_layers": 1, "activation": "relu"},
        "train_ds": {"ds_item": "/home/somebody/data"},
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def encoder_file(**changes: Any) -> dict[str, bytes]:
    """The members with another shape of the encoder."""
    return {**MEMBERS, "2b_bert-base-uncased_encoder_config.json": json.dumps({**ENCODER, **changes}).encode()}
