"""A `.riva` whose network hears two pitches: the smallest thing that build, deploy and Triton treat as a checkpoint.

It says `high` once for a tone above 2 kHz and `low` for one below; silence is blank. Every stage runs it for real, in
milliseconds, and tests know what must come out.
"""

from pathlib import Path

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from pipelines.archive.archive import Member, write_archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.archive.encryption import Key
from pipelines.cli.flags import from_mapping
from pipelines.registry import load_pipeline
from pipelines.stages.build import BuildRequest, build_rmir

RATE = 16000
BANDS = 8
LABELS = ["▁high", "▁low"]
STRIDE_MS = 40
OBJ_CLS = "nemo.collections.asr.models.EncDecCTCModelBPE"
MODEL_CONFIG = {
    "target": OBJ_CLS,
    "preprocessor": {
        "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
        "sample_rate": RATE,
        "window_size": 0.025,
        "window_stride": 0.01,
        "features": BANDS,
        "n_fft": 512,
        "normalize": "NA",
    },
    "decoder": {"vocabulary": LABELS},
}


def tone_network(*, masks: bool = False) -> onnx.ModelProto:
    """Log mel frames to log probabilities of high, low and blank: a mean over four frames, and a comparison.

    With masks there is a second input, and frames from that number on are silence.
    """
    weights = np.zeros((3, BANDS, 4), np.float32)
    weights[0, BANDS // 2 :] = 1 / 4
    weights[1, : BANDS // 2] = 1 / 4
    constants = {
        "weights": weights,
        "bias": np.array([0, 0, 12], np.float32),  # a tone sums up to more than 20
        "silence": np.array(-17, np.float32),
    }
    nodes = [
        helper.make_node("Sub", ["audio_signal", "silence"], ["loudness"]),
        helper.make_node("Conv", ["loudness", "weights", "bias"], ["scores"], strides=[4], pads=[0, 3]),
        helper.make_node("Transpose", ["scores"], ["steps"], perm=[0, 2, 1]),
        helper.make_node("LogSoftmax", ["steps"], ["logprobs"], axis=2),
    ]
    inputs = [helper.make_tensor_value_info("audio_signal", TensorProto.FLOAT, ["batch", BANDS, "frames"])]
    if masks:
        inputs.append(helper.make_tensor_value_info("length", TensorProto.INT64, ["batch"]))
        constants |= {name: np.array(value) for name, value in {"zero": 0, "one": 1, "two": 2, "axis": [1]}.items()}
        nodes[:1] = [
            helper.make_node("Shape", ["audio_signal"], ["shape"]),
            helper.make_node("Gather", ["shape", "two"], ["frames"]),
            helper.make_node("Range", ["zero", "frames", "one"], ["numbers"]),
            helper.make_node("Unsqueeze", ["length", "axis"], ["ends"]),
            helper.make_node("Less", ["numbers", "ends"], ["inside"]),
            helper.make_node("Unsqueeze", ["inside", "axis"], ["mask"]),
            helper.make_node("Where", ["mask", "audio_signal", "silence"], ["masked"]),
            helper.make_node("Sub", ["masked", "silence"], ["loudness"]),
        ]
    graph = helper.make_graph(
        nodes,
        "tones",
        inputs,
        [helper.make_tensor_value_info("logprobs", TensorProto.FLOAT, ["batch", "steps", 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)


def failing_network() -> onnx.ModelProto:
    """A network of the same inputs and outputs that loads, and fails whenever it is run."""
    shape = numpy_helper.from_array(np.array([7, 7, 3]), "shape")
    model = tone_network()
    nodes = [helper.make_node("Reshape", ["audio_signal", "shape"], ["logprobs"])]
    graph = helper.make_graph(nodes, "fails", model.graph.input, model.graph.output, [shape])
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=8)


def facts(model: onnx.ModelProto, stride_ms: float = STRIDE_MS) -> dict[str, object]:
    """The `riva_ci` block that nemo2riva would write for the network."""
    inputs = {
        "audio_signal": {"name": "audio_signal", "dtype": "float32", "shape": [-1, BANDS, -1]},
        "length": {"name": "length", "dtype": "int64", "shape": [-1]},
    }
    return {
        "stride_ms": stride_ms,
        "subsampling": 4,
        "masks": len(model.graph.input) > 1,
        "inputs": [inputs[entry.name] for entry in model.graph.input],
        "outputs": [{"name": "logprobs", "dtype": "float32", "shape": [-1, -1, 3]}],
    }


def write_riva(path: Path, *, masks: bool = False, **changes: object) -> Path:
    """Writes the `.riva`; `changes` replace parts: graph (bytes), model_config, riva_ci."""
    model = tone_network(masks=masks)
    graph = changes.get("graph", model.SerializeToString())
    config = yaml.safe_dump(changes.get("model_config", MODEL_CONFIG), allow_unicode=True).encode()
    assert isinstance(graph, bytes)
    write_archive(
        path,
        {"metadata": {"obj_cls": OBJ_CLS}, "riva_ci": changes.get("riva_ci", facts(model))},
        [Member("model_graph.onnx", graph), Member("model_config.yaml", config)],
    )
    return path


def write_rmir(path: Path, riva: Path, *, key: Key | None = None, **options: object) -> Path:
    """Builds an RMIR with riva-build's own stage."""
    pipeline = load_pipeline("speech_recognition")
    options = {
        "language_code": "en-US",
        "chunk_size": 0.16,
        "left_padding_size": 0.32,
        "right_padding_size": 0.32,
        **options,
    }
    build_rmir(
        BuildRequest(
            pipeline=pipeline,
            output=EncryptedPath(path, key),
            inputs=(EncryptedPath(riva),),
            options=from_mapping(pipeline.options, options),
            given=frozenset(options),
        )
    )
    return path


def tones(*parts: tuple[float, float]) -> np.ndarray:
    """Audio of (seconds, hertz) parts; 0 Hz is silence."""
    pieces = [0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE) for seconds, hertz in parts]
    return np.concatenate(pieces).astype(np.float32)
