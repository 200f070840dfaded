"""From an RMIR of punctuation to Triton models: their names, configurations and files.

Three models a pipeline, `name` N:

- N, which clients name: texts in, texts out; tokenization, windows and joining (`models/pipeline.py`);
- `N-long`, the same for calls with much text, so that they delay nobody else;
- `riva-onnx-N-nn-<pretrained model>`: the network.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.archive.archive import Archive
from pipelines.archive.values import section, text
from pipelines.cli.flags import flags_of, spell, value_of
from pipelines.errors import NotDeployable
from pipelines.punctuation.contents import Contents, read_contents
from pipelines.punctuation.options import PunctuationOptions
from pipelines.punctuation.punctuator import PunctuatorSettings
from pipelines.punctuation.windows import WindowSettings
from pipelines.triton.engine import Graph, build_engine
from pipelines.triton.model_config import set_parameters
from pipelines.triton.network import network_model
from pipelines.triton.repository import TritonModel

if TYPE_CHECKING:
    from tritonclient.grpc.model_config_pb2 import ModelConfig

__all__ = ["triton_models"]

CALLS = 64  # of clients, answered together; more wait for the next round
NETWORK_CALLS = 8  # made at once, where the windows of these are too many for one
LONG_TEXT = 4096  # bytes of a call from which on it goes to the model for much text; a second's work of a large network
LONG_CALLS = 2  # answered at once
LONG_BATCH = 8  # windows of one call of the network for much text: those of short texts come between two

_log = logging.getLogger(__name__)
_HERE = Path(__file__).parent
_SHIM = b'"""Triton loads this file; see punctuation/models/pipeline.py."""\n\n' + (
    b"from .punctuation.models.pipeline import TritonPythonModel\n\n" + b'__all__ = ["TritonPythonModel"]\n'
)
_RUNTIME_MODULES = ("tokenization.py", "windows.py", "punctuator.py", "models/pipeline.py")


def triton_models(rmir: Archive, options: PunctuationOptions, *, work: Path, target: str) -> list[TritonModel]:
    """Builds the network's engine and returns the Triton models of a pipeline.

    Args:
        rmir: The RMIR.
        options: Its settled options.
        work: A folder for the parts that the models are made of; must live until they are written.
        target: What the engine is built for.

    Raises:
        BrokenCheckpoint, UnsupportedCheckpoint: What the configuration refers to is not there, or not what NeMo writes.
        NotDeployable: The labels or the options do not fit the network, or padding would change what it answers.
        EngineFailed: The network does not run, or is not what the RMIR declares.
    """
    import yaml

    config, facts = yaml.safe_load(rmir.read("model_config.yaml")), rmir.manifest["source"]["riva_ci"]
    contents = read_contents(config, rmir.read)
    path = work / "model_graph.onnx"
    rmir.extract(path.name, path)
    graph = Graph.declared(path, facts, longest=options.max_seq_length)
    if problems := [*_network_problems(graph, contents, facts), *_option_problems(options, contents)]:
        raise NotDeployable(f"{rmir.path.path}: {'; '.join(problems)}", fix="export and build it again with nemo2riva")
    _log.info("Using onnxruntime")
    engine = build_engine(graph, target=target, probe=_probe(options, contents), steps=options.max_seq_length)
    suffix = f"{options.name}-nn-{_family(config)}"
    _log.info("Built the %s engine of riva-%s-%s", target, engine.kind, suffix)
    network = network_model(
        engine,
        suffix=suffix,
        max_batch_size=options.max_batch_size,
        gathering=0,
        spread=True,
        together=True,
    )
    settings = _settings(options, contents)
    files: dict[str, bytes | Path] = {f"punctuation/{name}": _HERE / name for name in _RUNTIME_MODULES}
    files["model.py"] = _SHIM
    files["punctuator.json"] = settings.to_json().encode()
    files["vocab.txt"] = "\n".join(contents.vocabulary).encode()
    configs = (_short_config(options, settings, network), _long_config(options, network))
    return [network, *(TritonModel(config=config, files=files) for config in configs)]


def _network_problems(graph: Graph, contents: Contents, facts: Mapping[str, Any]) -> Iterator[str]:
    """What keeps the network from being used with these labels, in padded batches."""
    labels = contents.labels
    heads = zip(graph.outputs, (labels.punctuation, labels.capitalization), strict=False)
    for output, names in heads:
        if output.shape[-1] not in (-1, len(names)):
            yield f"{output.name} of the graph has {output.shape[-1]} labels, the checkpoint names {len(names)}"
    if odd := [label for label in labels.punctuation if len(label.split()) != 1]:
        yield f"the label {odd[0]!r} holds white space, which would make two words of one"
    if not facts["masks"]:
        yield "the graph answers otherwise when a text is padded: its attention mask was lost in the export"


def _option_problems(options: PunctuationOptions, contents: Contents) -> Iterator[str]:
    limit = contents.encoder.max_position_embeddings
    if options.max_seq_length > limit:
        yield f"--max_seq_length={options.max_seq_length}, but the network has positions for {limit} word pieces"


def _probe(options: PunctuationOptions, contents: Contents) -> dict[str, Any]:
    """Two windows for a trial of the network: a full one, and one that is half padding."""
    import numpy as np

    shape = (2, options.max_seq_length)
    mask = np.ones(shape, np.int64)
    mask[1, shape[1] // 2 :] = 0
    pieces = np.random.default_rng(0).integers(len(contents.vocabulary), size=shape)
    return {"input_ids": pieces * mask, "attention_mask": mask, "token_type_ids": np.zeros(shape, np.int64)}


def _settings(options: PunctuationOptions, contents: Contents) -> PunctuatorSettings:
    labels, lower_case = contents.labels, options.do_lower_case
    return PunctuatorSettings(
        marks=tuple("" if label == labels.pad else label for label in labels.punctuation),
        capitals=tuple(label != labels.pad for label in labels.capitalization),
        lower_case=contents.lower_case if lower_case is None else lower_case,
        windows=WindowSettings(max_seq_length=options.max_seq_length, step=options.step, margin=options.margin),
    )


def _family(config: Mapping[str, Any]) -> str:
    """What Riva puts at the end of the network's name: the pretrained model's, as far as a folder can have it."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text(section(config, "language_model"), "pretrained_model_name") or "bert")


def _short_config(options: PunctuationOptions, settings: PunctuatorSettings, network: TritonModel) -> "ModelConfig":
    """The model that clients know; its parameters are the options, as they took effect."""
    config = _texts_config(str(options.name), calls=CALLS, instances=1)
    config.dynamic_batching.SetInParent()  # the calls that arrived while others were answered, without waiting for more
    values = {flag.name: spell(value_of(options, flag)) for flag in flags_of(type(options))}
    set_parameters(
        config,
        {
            **values,
            "do_lower_case": settings.lower_case,
            "service": "nlp",
            "pipeline": "punctuation",
            "long_text": LONG_TEXT,
            "long_text_model": f"{options.name}-long",
            "network": network.name,
            "network_batch_size": options.max_batch_size,
            "network_calls": NETWORK_CALLS,
        },
    )
    return config


def _long_config(options: PunctuationOptions, network: TritonModel) -> "ModelConfig":
    config = _texts_config(f"{options.name}-long", calls=1, instances=LONG_CALLS)
    set_parameters(
        config,
        {
            "service": "long_text",
            "network": network.name,
            "network_batch_size": min(LONG_BATCH, options.max_batch_size),
            "network_calls": 1,
        },
    )
    return config


def _texts_config(name: str, *, calls: int, instances: int) -> "ModelConfig":
    from tritonclient.grpc import model_config_pb2 as pb

    return pb.ModelConfig(
        name=name,
        backend="python",
        max_batch_size=calls,
        input=[pb.ModelInput(name="TEXT", data_type=pb.TYPE_STRING, dims=[-1], allow_ragged_batch=calls > 1)],
        output=[pb.ModelOutput(name="RESULT", data_type=pb.TYPE_STRING, dims=[-1])],
        instance_group=[pb.ModelInstanceGroup(count=instances, kind=pb.ModelInstanceGroup.KIND_CPU)],
    )
