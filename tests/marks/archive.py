"""A `.riva` whose network knows a handful of words: the smallest thing that build, deploy and Triton treat as a
punctuation checkpoint.

It puts a mark after some words (`MARKS`) and a capital on others (`CAPITALS`). In a window that mentions `loud`
anywhere, `stop` is followed by an exclamation mark, so that tests see what a window and its mask hold.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from pipelines.archive.archive import Member, write_archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.cli.flags import from_mapping
from pipelines.registry import load_pipeline
from pipelines.stages.build import BuildRequest, build_rmir

OBJ_CLS = "nemo.collections.nlp.models.PunctuationCapitalizationModel"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ("hello", "paris", "stop", "pause", "ask", "loud")
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS))
PUNCTUATION, CAPITALIZATION = ("O", ",", ".", "?", "!"), ("O", "U")
MARKS, CAPITALS = {"pause": ",", "stop": ".", "ask": "?"}, ("hello", "paris", "i")
MEMBERS = {
    "vocab.txt": "\n".join(VOCABULARY),
    "punct_label_ids.csv": "\n".join(PUNCTUATION),
    "capit_label_ids.csv": "\n".join(CAPITALIZATION),
    "encoder_config.json": json.dumps(
        {
            "model_type": "bert",
            "vocab_size": len(VOCABULARY),
            "hidden_size": 8,
            "num_hidden_layers": 1,
            "num_attention_heads": 1,
            "intermediate_size": 8,
            "max_position_embeddings": 128,
            "type_vocab_size": 2,
        }
    ),
}
MODEL_CONFIG = {
    "target": "nemo.collections.nlp.models.token_classification.PunctuationCapitalizationModel",
    "tokenizer": {"tokenizer_name": "bert-base-uncased", "vocab_file": "nemo:vocab.txt"},
    "language_model": {"pretrained_model_name": "bert-base-uncased", "config_file": "nemo:encoder_config.json"},
    "common_dataset_parameters": {"pad_label": "O"},
    "class_labels": {"punct_labels_file": "nemo:punct_label_ids.csv", "capit_labels_file": "nemo:capit_label_ids.csv"},
}
INPUTS = [
    {"name": name, "dtype": "int64", "shape": [-1, -1]} for name in ("input_ids", "attention_mask", "token_type_ids")
]
OUTPUTS = [
    {"name": "punct_logits", "dtype": "float32", "shape": [-1, -1, len(PUNCTUATION)]},
    {"name": "capit_logits", "dtype": "float32", "shape": [-1, -1, len(CAPITALIZATION)]},
]
FACTS = {"inputs": INPUTS, "outputs": OUTPUTS, "masks": True}


def mark_network() -> onnx.ModelProto:
    """Word pieces to logits: a table of words, and what a loud window adds to the exclamation mark."""
    marks = np.zeros((len(VOCABULARY), len(PUNCTUATION)), np.float32)
    capitals = np.zeros((len(VOCABULARY), len(CAPITALIZATION)), np.float32)
    loud = np.zeros((len(VOCABULARY), 1), np.float32)
    shouted = np.zeros((len(VOCABULARY), len(PUNCTUATION)), np.float32)
    marks[:, 0] = capitals[:, 0] = 1
    for word, mark in MARKS.items():
        marks[VOCABULARY.index(word), PUNCTUATION.index(mark)] = 3
    for word in CAPITALS:
        capitals[VOCABULARY.index(word), 1] = 3
    loud[VOCABULARY.index("loud")] = 1
    shouted[VOCABULARY.index("stop"), PUNCTUATION.index("!")] = 9
    constants = {
        "marks": marks,
        "capitals": capitals,
        "loud": loud,
        "shouted": shouted,
        "last": np.array([-1]),
    }
    nodes = [
        helper.make_node("Gather", ["marks", "input_ids"], ["calm_logits"]),
        helper.make_node("Gather", ["capitals", "input_ids"], ["capital_logits"]),
        helper.make_node("Gather", ["loud", "input_ids"], ["noise"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask_column"]),
        helper.make_node("Mul", ["noise", "mask_column"], ["heard"]),
        helper.make_node("ReduceMax", ["heard"], ["loudness"], axes=[1], keepdims=1),
        helper.make_node("Gather", ["shouted", "input_ids"], ["shouts"]),
        helper.make_node("Mul", ["shouts", "loudness"], ["added"]),
        helper.make_node("Add", ["calm_logits", "added"], ["punct_logits"]),
        # Types change nothing, as long as there is one type: taken in, so that the input is used.
        helper.make_node("Cast", ["token_type_ids"], ["types"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["types", "last"], ["type_column"]),
        helper.make_node("Add", ["capital_logits", "type_column"], ["capit_logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "marks",
        [helper.make_tensor_value_info(entry["name"], TensorProto.INT64, ["batch", "pieces"]) for entry in INPUTS],
        [
            helper.make_tensor_value_info(entry["name"], TensorProto.FLOAT, ["batch", "pieces", entry["shape"][2]])
            for entry in OUTPUTS
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)


def write_riva(path: Path, **changes: object) -> Path:
    """Writes the `.riva`; `changes` replace parts: graph (bytes), model_config, riva_ci, members."""
    graph = changes.get("graph", mark_network().SerializeToString())
    assert isinstance(graph, bytes)
    config = yaml.safe_dump(changes.get("model_config", MODEL_CONFIG), allow_unicode=True).encode()
    members = {**MEMBERS, **changes.get("members", {})}
    write_archive(
        path,
        {"metadata": {"obj_cls": OBJ_CLS}, "riva_ci": changes.get("riva_ci", FACTS)},
        [
            Member("model_graph.onnx", graph),
            Member("model_config.yaml", config),
            *(Member(name, text.encode()) for name, text in members.items()),
        ],
    )
    return path


def write_rmir(path: Path, riva: Path, **options: object) -> Path:
    """Builds an RMIR with riva-build's own stage."""
    pipeline = load_pipeline("punctuation")
    build_rmir(
        BuildRequest(
            pipeline=pipeline,
            output=EncryptedPath(path),
            inputs=(EncryptedPath(riva),),
            options=from_mapping(pipeline.options, options),
            given=frozenset(options),
        )
    )
    return path
