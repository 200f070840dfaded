"""A deployed repository is served by a Triton that knows nothing of this project; every stream keeps its own state."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc
from tritonclient.grpc import model_config_pb2 as pb
from tritonclient.utils import InferenceServerException

from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.errors import ModelsNotLoaded
from pipelines.stages.deploy import DeployRequest, deploy
from pipelines.triton.model_config import CONFIG_FILE, read_config, set_parameters, write_config
from pipelines.triton.process import TritonProcess
from tests.tones.archive import failing_network, tone_network, tones, write_riva, write_rmir
from tests.tones.client import Sequence, finals, recognise

pytestmark = pytest.mark.triton

HIGH, LOW = 3000, 300
SPEECH = tones((0.5, 0), (0.4, HIGH), (0.3, 0), (0.4, LOW), (1.6, 0), (0.4, HIGH), (0.7, 0))
NETWORK = "riva-onnx-online-am-streaming"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A streaming pipeline, an offline one, one whose network fails, and one whose network takes lengths."""
    folder = tmp_path_factory.mktemp("tones")
    rmirs = [
        write_rmir(folder / "online.rmir", write_riva(folder / "a.riva", masks=True), name="online"),
        write_rmir(folder / "offline.rmir", write_riva(folder / "b.riva"), name="offline", offline=True, chunk_size=30),
    ]
    rmirs += [
        write_rmir(folder / f"{name}.rmir", write_riva(folder / f"{name}.riva"), name=name)
        for name in ("faulty", "masked")
    ]
    deploy(DeployRequest(rmirs=tuple(map(EncryptedPath, rmirs)), repository=folder / "models"))
    network = folder / "models" / "riva-onnx-faulty-am-streaming" / "1" / "model.onnx"
    network.write_bytes(failing_network().SerializeToString())
    take_lengths(folder / "models" / "riva-onnx-masked-am-streaming", folder / "models" / "masked")
    return folder / "models"


def take_lengths(network: Path, pipeline: Path) -> None:
    """Puts a network as NeMo exports it, with masks, in the place of the deployed one."""
    (network / "1" / "model.onnx").write_bytes(tone_network(masks=True).SerializeToString())
    config = read_config(network / CONFIG_FILE)
    config.input.add(name="length", data_type=pb.TYPE_INT64, dims=[1]).reshape.SetInParent()
    write_config(config, network)
    config = read_config(pipeline / CONFIG_FILE)
    set_parameters(config, {"network_length_input": "length"})
    write_config(config, pipeline)


@pytest.fixture(scope="module")
def triton(repository, tmp_path_factory):
    """Triton on the repository, where importing `pipelines` fails."""
    trap = tmp_path_factory.mktemp("trap")
    (trap / "pipelines").mkdir()
    (trap / "pipelines" / "__init__.py").write_text("raise ImportError('the repository must stand alone')")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(trap))
        patch.chdir(trap)
        with (
            TritonProcess(repository) as process,
            tritonclient.grpc.InferenceServerClient(process.grpc_address) as client,
        ):
            yield client


@pytest.mark.parametrize(("model", "piece"), [("online", 2560), ("online", 999), ("online", 100_000), ("masked", 2560)])
def test_a_stream_gives_its_utterances(triton, model, piece):
    """Two utterances, each once, in order, with all audio accounted for, whatever the pieces and the network."""
    answers = recognise(triton, model, SPEECH, piece=piece)

    assert finals(answers) == ["high low", "high"]
    assert answers[-1]["audio_processed"] == pytest.approx(len(SPEECH) / 16000)


def test_a_file_gives_one_result(triton):
    """The offline pipeline takes pieces and answers at the end, an utterance a result."""
    answers = recognise(triton, "offline", np.tile(SPEECH, 3), piece=40_000)

    assert finals(answers) == ["high low", "high"] * 3
    words = [word for answer in answers for result in answer["results"] for word in result["words"]]
    assert [word["word"] for word in words] == ["high", "low", "high"] * 3
    assert words[0]["start_ms"] == pytest.approx(500, abs=60)
    assert words[-1]["end_ms"] == pytest.approx(1000 * len(SPEECH) * 3 / 16000 - 700, abs=60)


def test_eight_streams_equal_one_and_share_batches(triton):
    """Streams at once get what one alone gets, and the network answers several of them in one execution."""
    alone = recognise(triton, "online", SPEECH)
    before = triton.get_inference_statistics(NETWORK).model_stats[0]
    with ThreadPoolExecutor(8) as callers:
        together = list(callers.map(lambda _: recognise(triton, "online", SPEECH), range(8)))
    after = triton.get_inference_statistics(NETWORK).model_stats[0]

    assert [finals(answers) for answers in together] == [finals(alone)] * 8
    batch = (after.inference_count - before.inference_count) / (after.execution_count - before.execution_count)
    assert batch >= 2


def test_a_request_has_its_own_endpointing(triton):
    """stop_history = 0 of one stream ends no utterance, and the next stream has the defaults again."""
    assert finals(recognise(triton, "online", SPEECH, config={"endpointing": {"stop_history": 0}})) == ["high low high"]
    assert finals(recognise(triton, "online", SPEECH, config={})) == ["high low", "high"]


@pytest.mark.parametrize("model", ["online", "offline"])
def test_empty_audio_is_no_error(triton, model):
    """A stream without a sample ends without a result; empty pieces in between keep a stream alive."""
    assert recognise(triton, model, SPEECH[:0]) == [{"results": [], "audio_processed": 0.0}]

    sequence = Sequence(triton, model)
    answers = [sequence.send(part) for part in (SPEECH[:20000], SPEECH[:0], SPEECH[20000:])]
    answers.append(sequence.send(SPEECH[:0], end=True))
    assert finals(answers) == ["high low", "high"]


@pytest.mark.parametrize(
    ("config", "complaint"), [({"endpointing": {"stop_histroy": 1}}, "stop_histroy"), ([], "expected a JSON object")]
)
def test_a_wrong_configuration_is_the_callers_error(triton, config, complaint):
    """It is INVALID_ARGUMENT with the reason; nothing of the stream is kept, and the pipeline serves on."""
    sequence = Sequence(triton, "online", config)
    with pytest.raises(InferenceServerException, match=complaint) as caught:
        sequence.send(SPEECH)
    assert "INVALID_ARGUMENT" in caught.value.status()
    with pytest.raises(InferenceServerException, match="not known here"):
        sequence.send(SPEECH[:0], end=True)

    assert finals(recognise(triton, "online", SPEECH)) == ["high low", "high"]


def test_a_failing_network_fails_its_streams_and_no_others(triton):
    """The caller hears which model failed and why; the stream is over, other pipelines and later streams go on."""
    sequence = Sequence(triton, "faulty")
    with pytest.raises(InferenceServerException, match=r"riva-onnx-faulty-am-streaming: .*Reshape") as caught:
        sequence.send(SPEECH)
    assert "INTERNAL" in caught.value.status()
    with pytest.raises(InferenceServerException, match="not known here"):
        sequence.send(SPEECH[:0], end=True)

    assert recognise(triton, "faulty", SPEECH[:0]) == [{"results": [], "audio_processed": 0.0}]
    assert finals(recognise(triton, "online", SPEECH)) == ["high low", "high"]


def test_a_broken_repository_is_refused_with_tritons_reason(tmp_path, repository):
    """A configuration that was changed by hand makes the start fail at once, with model and reason."""
    broken = tmp_path / "models"
    (broken / "online").mkdir(parents=True)
    text = (repository / "online/config.pbtxt").read_text().replace('backend: "python"', 'backend: "pyhton"')
    (broken / "online/config.pbtxt").write_text(text)
    (broken / "online/1").symlink_to(repository / "online/1")

    with pytest.raises(ModelsNotLoaded, match=r"refused the model online: .*pyhton"):
        TritonProcess(broken).start(limit=60)
