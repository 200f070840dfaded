"""The network of a punctuation checkpoint, built of `transformers` and two heads with NeMo's names for their weights.

NeMo 3.0 refuses these checkpoints, and the versions that take them ask a model hub for the encoder even when the
archive has one. The network is a BERT (Devlin et al. 2018) without its pooler, and two classifiers of each piece.

Imported in the processes of an export only.
"""

import dataclasses
import importlib.metadata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import onnx
import torch
import yaml
from transformers import BertConfig, BertModel
from transformers.utils import logging

from pipelines.archive.nemo import CONFIG, WEIGHTS
from pipelines.archive.values import section, text
from pipelines.errors import BrokenCheckpoint, ExportFailed, UsageError
from pipelines.export.job import ExportedGraph, ExportJob, Reference
from pipelines.export.restore import restoring, translating
from pipelines.punctuation.checkpoint import ACTIVATIONS
from pipelines.punctuation.contents import Contents, Encoder, read_contents

__all__ = ["PunctuationNetwork", "export", "references", "restore"]

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUTS = ("punct_logits", "capit_logits")
NOT_USED = ("bert_model.pooler.", "bert_model.embeddings.position_ids")  # stored, and in no path to an output

EXAMPLE = 64  # pieces of the example input: NeMo's own window
_LENGTHS = (9, 9, 5, 31, 60)  # pieces of the references, unless the model has fewer positions; two are equal
_SEED = 20160216


class _Head(torch.nn.Module):
    """NeMo's TokenClassifier: linear layers, an activation between them, no softmax.

    Its layers have the even numbers: the odd ones are the activations, which have no weights.
    """

    def __init__(self, hidden: int, classes: int, layers: int, activation: str) -> None:
        super().__init__()
        sizes = [*[hidden] * (layers - 1), classes]
        linear = {f"layer{2 * place}": torch.nn.Linear(hidden, size) for place, size in enumerate(sizes)}
        self.mlp = torch.nn.ModuleDict(linear)
        self._activation = getattr(torch, activation)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        first, *others = self.mlp.values()
        states = first(states)
        for layer in others:
            states = layer(self._activation(states))
        return states


class PunctuationNetwork(torch.nn.Module):
    """What NeMo's PunctuationCapitalizationModel computes, with the names that its weights have there.

    Args:
        encoder: The shape of the BERT.
        classes: How many labels each head knows: punctuation, capitalization.
        layers: How many layers each head has.
        activations: What stands between the layers of each.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        classes: tuple[int, int],
        layers: tuple[int, int] = (1, 1),
        activations: tuple[str, str] = ("relu", "relu"),
    ) -> None:
        super().__init__()
        # Attention in plain operations: what the exporter writes for a fused one differs with its version.
        config = BertConfig(**dataclasses.asdict(encoder), attn_implementation="eager")
        self.bert_model = BertModel(config, add_pooling_layer=False)
        self.punct_classifier, self.capit_classifier = (
            _Head(encoder.hidden_size, *shape) for shape in zip(classes, layers, activations, strict=True)
        )

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Takes three int64 (batch, pieces); returns logits (batch, pieces, marks) and (batch, pieces, capitals)."""
        encoded = self.bert_model(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids, return_dict=False
        )
        return self.punct_classifier(encoded[0]), self.capit_classifier(encoded[0])


def restore(job: ExportJob) -> PunctuationNetwork:
    """The network, on the CPU.

    Raises:
        BrokenCheckpoint: Weights and configuration do not fit, or the weights hold more than tensors.
        UnsupportedCheckpoint: The encoder is not a BERT.
        ExportFailed: `transformers` cannot build it.
    """
    logging.set_verbosity(_VERBOSITY.get(job.log_level, logging.INFO))
    config, contents = _contents(job)
    weights = Path(job.checkpoint) / WEIGHTS
    with restoring("transformers", "transformers"):
        tensors = torch.load(weights, map_location="cpu", weights_only=True)
        kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(NOT_USED)}
        _check_heads(kept, contents)
        network = PunctuationNetwork(
            contents.encoder,
            classes=(len(contents.labels.punctuation), len(contents.labels.capitalization)),
            layers=(_layers(kept, "punct"), _layers(kept, "capit")),
            activations=(_activation(config, "punct"), _activation(config, "capit")),
        )
        _check_names(kept, network.state_dict())
        network.load_state_dict(kept)
    return network


def export(model: PunctuationNetwork, job: ExportJob, *, device: str, notes: list[str]) -> ExportedGraph:
    """Writes the graph, with NeMo's names and with batch and pieces of any size.

    Raises:
        UsageError: A part of the model is asked for, or a longer example than it has positions for.
        ExportFailed: The exporter cannot write it at this opset.
    """
    if job.subnet is not None or job.export_config:
        raise UsageError(
            "--export-subnet and --export-config are NeMo's own, and a punctuation model is exported without NeMo",
            fix="leave them out",
        )
    positions = model.bert_model.config.max_position_embeddings
    length = min(EXAMPLE, positions) if job.max_dim is None else job.max_dim
    if length > positions:
        raise UsageError(f"--max-dim {length}: the model has {positions} positions", fix=f"give at most {positions}")
    example = torch.ones((job.max_batch or 2, length), dtype=torch.int64, device=device)
    axes = {name: {0: "batch", 1: "pieces"} for name in (*INPUTS, *OUTPUTS)}
    why = "the exporter cannot translate an operation of this model at this opset"
    with translating("torch", "torch", "export", why, "try another --onnx-opset"):
        torch.onnx.export(
            model,
            (example, example, torch.zeros_like(example)),
            job.graph,
            opset_version=job.opset,
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes=axes,
            dynamo=False,  # the other exporter drops an opset that it cannot convert to, and says so in its log only
        )
    _check_opset(Path(job.graph), job.opset)
    return ExportedGraph(
        max_batch=int(example.shape[0]),
        max_dim=length,
        subsampling=1,
        facts={"max_tokens": positions},
        versions={name: importlib.metadata.version(name) for name in ("torch", "transformers")},
    )


def references(model: PunctuationNetwork, job: ExportJob) -> Iterator[Reference]:
    """Runs texts of random pieces, framed by [CLS] and [SEP], one at a time."""
    _, contents = _contents(job)
    begin, end = (contents.vocabulary.index(piece) for piece in ("[CLS]", "[SEP]"))
    generator = torch.Generator().manual_seed(_SEED)
    for length in _LENGTHS:
        pieces = min(length, contents.encoder.max_position_embeddings - 2)
        words = torch.randint(len(contents.vocabulary), (pieces,), generator=generator)
        ids = torch.tensor([[begin, *words.tolist(), end]])
        inputs = (ids, torch.ones_like(ids), torch.zeros_like(ids))
        yield Reference(
            inputs={name: tensor.numpy() for name, tensor in zip(INPUTS, inputs, strict=True)},
            outputs=tuple(logits.numpy() for logits in model(*inputs)),
        )


_VERBOSITY = {
    "CRITICAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARNING": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
}


def _contents(job: ExportJob) -> tuple[dict[str, Any], Contents]:
    folder = Path(job.checkpoint)
    config = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    return config, read_contents(config, lambda name: (folder / name).read_bytes())


def _layers(tensors: Mapping[str, Any], head: str) -> int:
    """The layers of a head, which the configuration names otherwise in every version of NeMo."""
    return sum(name.startswith(f"{head}_classifier.mlp.") and name.endswith(".weight") for name in tensors)


def _activation(config: Mapping[str, Any], head: str) -> str:
    return text(section(config, f"{head}_head"), "activation") or ACTIVATIONS[0]


def _check_heads(tensors: Mapping[str, Any], contents: Contents) -> None:
    labels = {"punct": contents.labels.punctuation, "capit": contents.labels.capitalization}
    for head, names in labels.items():
        layers = _layers(tensors, head)
        last = tensors.get(f"{head}_classifier.mlp.layer{2 * (layers - 1)}.weight")
        if last is None or last.shape[0] != len(names):
            has = "is not in the weights" if last is None else f"gives {last.shape[0]} values for a word"
            raise BrokenCheckpoint(
                f"class_labels.{head}_labels_file has {len(names)} labels ({' '.join(names)}), and the head {has}",
                "the label file is another model's",
                "save the model again with NeMo's save_to() where it was trained",
            )


def _check_names(tensors: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    problems = [
        *(f"{name} is missing" for name in expected if name not in tensors),
        *(f"{name} is not part of it" for name in tensors if name not in expected),
        *(
            f"{name} has shape {list(tensors[name].shape)}, expected {list(expected[name].shape)}"
            for name in expected
            if name in tensors and tensors[name].shape != expected[name].shape
        ),
    ]
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise BrokenCheckpoint(
            f"the weights are not those of the network that is configured: {'; '.join(problems[:5])}{more}",
            "the file with the encoder's shape is another model's, or the archive was put together by hand",
            "save the model again with NeMo's save_to() where it was trained",
        )


def _check_opset(graph: Path, asked: int) -> None:
    """Exporters write what they can and tell a log: what stands in the file counts."""
    proto = onnx.load(str(graph), load_external_data=False)
    written = next(entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx"))
    if written != asked:
        raise ExportFailed(
            f"the exporter wrote opset {written}, asked was {asked}",
            "it cannot write this network at that opset",
            f"give --onnx-opset {written}, if the Riva version takes it",
        )
