"""From an RMIR of speech recognition to Triton models: their names, configurations and files.

Two models a pipeline, `name` N:

- N, which clients name: a sequence a stream; features, endpointing and decoding (`models/pipeline.py`);
- `riva-onnx-N-am-streaming` (offline: `...-streaming-offline`): the acoustic network.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.archive.archive import Archive
from pipelines.cli.flags import flags_of, spell, value_of
from pipelines.errors import NotDeployable
from pipelines.speech_recognition.endpointing import EndpointingSettings
from pipelines.speech_recognition.features import FeatureSettings, UnsupportedFeatures
from pipelines.speech_recognition.options import SpeechRecognitionOptions
from pipelines.speech_recognition.stream import RecognizerSettings
from pipelines.triton.engine import Engine, Graph, build_engine
from pipelines.triton.model_config import set_parameters
from pipelines.triton.network import network_model
from pipelines.triton.repository import TritonModel

if TYPE_CHECKING:
    from tritonclient.grpc.model_config_pb2 import ModelConfig

__all__ = ["PipelineGraph", "triton_models"]

SEQUENCE_IDLE_LIMIT = 120_000_000  # microseconds; the API server sends an empty piece every 30 s of silence
# Share of a chunk's duration that a request may wait for those of other streams. Eight streams of 0.16 s chunks on two
# cores: 0.25 makes batches of 2.4 to 3.4, 0.375 of 3.4 and 5 % less processor time, 0.5 answers late.
GATHERING_SHARE = 0.375
GATHERING_LIMIT = 0.1  # seconds; long chunks make large batches without waiting for each other
OFFLINE_INSTANCES = 4  # some compute features and answer while the network works for the others
GATHERING_CALLS = 1000  # microseconds: windows of different length, due at once, arrive as several calls
CANDIDATES = 4  # sequences that Triton keeps, as a multiple of max_streams: ended ones leave after a moment

_log = logging.getLogger(__name__)
_HERE = Path(__file__).parent
_SHIM = b'"""Triton loads this file; see speech_recognition/models/pipeline.py."""\n\n' + (
    b"from .speech_recognition.models.pipeline import TritonPythonModel\n\n" + b'__all__ = ["TritonPythonModel"]\n'
)
_RUNTIME_MODULES = ("features.py", "decoding.py", "endpointing.py", "stream.py", "models/pipeline.py")


def triton_models(rmir: Archive, options: SpeechRecognitionOptions, *, work: Path, target: str) -> list[TritonModel]:
    """Builds the network's engine and returns the Triton models of a pipeline.

    Args:
        rmir: The RMIR.
        options: Its settled options.
        work: A folder for the parts that the models are made of; must live until they are written.
        target: What the engine is built for.

    Raises:
        NotDeployable: The features of the checkpoint cannot be computed here.
        EngineFailed: The network does not run, or is not what the RMIR declares.
    """
    import yaml

    graph = PipelineGraph(
        options=options,
        model_config=yaml.safe_load(rmir.read("model_config.yaml")),
        facts=rmir.manifest["source"]["riva_ci"],
        profane_words=rmir.read(str(options.profane_words_file)).decode() if options.profane_words_file else None,
    )
    settings = graph.recognizer_settings()
    path = work / "model_graph.onnx"
    rmir.extract(path.name, path)
    probe, steps = graph.probe(settings)
    _log.info("Using onnxruntime")
    network = Graph.declared(path, graph.facts, longest=settings.longest_steps)
    engine = build_engine(network, target=target, probe=probe, steps=steps)
    _log.info("Built the %s engine of riva-%s-%s", target, engine.kind, graph.network_suffix)
    return graph.models(engine)


@dataclass(frozen=True, kw_only=True)
class PipelineGraph:
    """A speech recognition pipeline as it will be served.

    Args:
        options: The settled riva-build options.
        model_config: NeMo's configuration of the checkpoint.
        facts: The `riva_ci` block of the `.riva`: inputs, outputs, time step.
        profane_words: The list of `--profane_words_file`, one a line; the API server has a short one of its own.
    """

    options: SpeechRecognitionOptions
    model_config: Mapping[str, Any]
    facts: Mapping[str, Any]
    profane_words: str | None = None

    @property
    def network_suffix(self) -> str:
        """End of the network model's name, after `riva-<engine>-`."""
        return f"{self.options.name}-am-streaming{'-offline' if self.options.offline else ''}"

    def recognizer_settings(self) -> RecognizerSettings:
        """Everything that a stream needs to know.

        Raises:
            NotDeployable: The preprocessor of the checkpoint does something that is not done here.
        """
        options = self.options
        try:
            features = FeatureSettings.from_nemo(self.model_config["preprocessor"])
        except UnsupportedFeatures as error:
            raise NotDeployable(
                f"the features of this checkpoint cannot be computed here: {error}",
                fix="train with NeMo's AudioToMelSpectrogramPreprocessor and its default framing",
            ) from error
        step_ms = float(self.facts["stride_ms"])
        frame_ms = 1000 * features.hop / features.sample_rate
        assert options.chunk_size is not None
        assert options.left_padding_size is not None
        assert options.right_padding_size is not None
        return RecognizerSettings(
            features=features,
            labels=tuple(self.model_config["decoder"]["vocabulary"]),
            step_ms=step_ms,
            step_frames=round(step_ms / frame_ms),
            chunk=round(1000 * options.chunk_size / frame_ms),
            left=round(1000 * options.left_padding_size / frame_ms),
            right=round(1000 * options.right_padding_size / frame_ms),
            cumulative_norm=options.featurizer.use_utterance_norm_params,
            interim=not options.offline,
            separate_utterances=not options.offline or bool(options.return_separate_utterances),
            endpointing=EndpointingSettings(
                start_history=options.endpointing.start_history,
                start_threshold=options.endpointing.start_th,
                stop_history=options.endpointing.stop_history,
                stop_threshold=options.endpointing.stop_th,
                stop_history_eou=options.endpointing.stop_history_eou or 0,
                stop_threshold_eou=options.endpointing.stop_th_eou or options.endpointing.stop_th,
            ),
        )

    def probe(self, settings: RecognizerSettings) -> tuple[dict[str, Any], int]:
        """Inputs for a trial of the network (a full window, ten seconds at most) and the time steps it must answer."""
        import numpy as np

        steps = min(settings.left + settings.chunk + settings.right, 1000) // settings.step_frames
        frames = steps * settings.step_frames
        noise = np.random.default_rng(0).standard_normal((2, settings.features.features, frames))
        values = {len(entry["shape"]): entry["name"] for entry in self.facts["inputs"]}
        probe = {values[3]: noise.astype(np.float32)}
        if 1 in values:
            probe[values[1]] = np.full(2, frames, np.int64)
        return probe, steps

    def models(self, engine: Engine) -> list[TritonModel]:
        """The Triton models of the pipeline, the network first."""
        settings = self.recognizer_settings()
        network_part = network_model(
            engine,
            suffix=self.network_suffix,
            max_batch_size=self.options.max_batch_size,
            gathering=0 if self.options.offline else GATHERING_CALLS,
            spread=self.options.offline,
            together=False,
        )
        files: dict[str, bytes | Path] = {f"speech_recognition/{name}": _HERE / name for name in _RUNTIME_MODULES}
        files["model.py"] = _SHIM
        files["recognizer.json"] = settings.to_json().encode()
        return [network_part, TritonModel(config=self._pipeline_config(network_part.config, settings), files=files)]

    def _pipeline_config(self, network: "ModelConfig", settings: RecognizerSettings) -> "ModelConfig":
        from tritonclient.grpc import model_config_pb2 as pb

        options = self.options
        assert options.max_streams is not None
        assert options.chunk_size is not None
        sequence = pb.ModelSequenceBatching
        config = pb.ModelConfig(
            name=options.name,
            backend="python",
            max_batch_size=options.max_streams,
            input=[
                pb.ModelInput(name="AUDIO_SIGNAL", data_type=pb.TYPE_FP32, dims=[-1], allow_ragged_batch=True),
                pb.ModelInput(name="CONFIG", data_type=pb.TYPE_STRING, dims=[1], optional=True),
            ],
            output=[pb.ModelOutput(name="RESULT", data_type=pb.TYPE_STRING, dims=[1])],
            instance_group=[
                pb.ModelInstanceGroup(
                    count=OFFLINE_INSTANCES if options.offline else 1, kind=pb.ModelInstanceGroup.KIND_CPU
                )
            ],
            sequence_batching=sequence(
                max_sequence_idle_microseconds=SEQUENCE_IDLE_LIMIT,
                oldest=sequence.StrategyOldest(
                    max_candidate_sequences=CANDIDATES * options.max_streams,
                    max_queue_delay_microseconds=0
                    if options.offline
                    else round(1e6 * min(GATHERING_SHARE * options.chunk_size, GATHERING_LIMIT)),
                ),
            ),
        )
        values = {flag.name: value_of(options, flag) for flag in flags_of(type(options))}
        set_parameters(config, {name: spell(value) for name, value in values.items()})
        if self.profane_words is not None:
            set_parameters(config, {"profane_words": self.profane_words})
        inputs = {len(entry.dims) if not entry.HasField("reshape") else 0: entry.name for entry in network.input}
        set_parameters(
            config,
            {
                "service": "asr",
                "pipeline": "speech_recognition",
                "type": "offline" if options.offline else "online",
                "sample_rate": settings.features.sample_rate,
                "network": network.name,
                "network_input": inputs[2],
                "network_length_input": inputs.get(0, ""),
                "network_output": network.output[0].name,
                "network_max_batch_size": network.max_batch_size,
            },
        )
        return config
