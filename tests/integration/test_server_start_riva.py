"""start-riva as a process: a real Triton with counting pipelines, the stock client, signals and exit codes."""

import json
import os
import re
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import riva.client
from riva.client.proto import riva_asr_pb2 as rasr
from riva.client.proto import riva_asr_pb2_grpc

from tests.counting.client import Held, config, eventually, messages, pieces, streaming, tone, transcripts, wav
from tests.counting.pipeline import CRASH
from tests.counting.repository import model_config, write_model
from tests.counting.start_riva import StartRiva

pytestmark = pytest.mark.triton


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models")
    write_model(path, model_config("count-online", "online"))
    write_model(path, model_config("count-offline", "offline"))
    return path


@pytest.fixture(scope="module")
def riva_server(repository: Path) -> Iterator[StartRiva]:
    it = StartRiva(
        "--riva-uri=127.0.0.1:0", f"--model-repository={repository}", "--nlp_service=true", "--metrics-port=0"
    )
    yield it
    it.stop()


@pytest.fixture(scope="module")
def service(riva_server: StartRiva) -> Iterator[riva.client.ASRService]:
    auth = riva.client.Auth(uri=riva_server.address)
    yield riva.client.ASRService(auth)
    auth.channel.close()


def stub_of(address: str) -> tuple[grpc.Channel, riva_asr_pb2_grpc.RivaSpeechRecognitionStub]:
    channel = grpc.insecure_channel(address)
    return channel, riva_asr_pb2_grpc.RivaSpeechRecognitionStub(channel)


def test_the_log_says_what_scripts_wait_for(riva_server: StartRiva, service: riva.client.ASRService) -> None:
    """Triton ready, then listening, in Riva's words."""
    address = riva_server.address
    ready = riva_server.lines.index("  > Triton server is ready...")
    listening = next(n for n, line in enumerate(riva_server.lines) if line.endswith(f"Server listening on {address}"))

    assert ready < listening


def test_both_ways_work_through_a_real_triton(service: riva.client.ASRService) -> None:
    """Recordings go through shared memory, streams through a long call, and both say what was played."""
    audio = wav(tone(33.0, rate=48000), rate=48000)
    assert service.offline_recognize(audio, config()).results[0].alternatives[0].transcript == "hz450 " * 33

    responses = service.streaming_response_generator(pieces(wav(tone(7.2))), streaming(interim=True))
    assert transcripts(responses) == ["hz450 hz450 hz450 hz450 hz450 ", "hz450 hz450 "]


def test_streams_side_by_side_do_not_mix(riva_server: StartRiva) -> None:
    """Sixteen streams of different pitch, at once, hear only themselves."""
    channel, stub = stub_of(riva_server.address)
    pitches = [200 + 50 * index for index in range(16)]
    calls = [stub.StreamingRecognize(messages(streaming(), pieces(wav(tone(5.0, pitch))))) for pitch in pitches]

    heard = [transcripts(call) for call in calls]
    channel.close()

    assert heard == [[f"hz{pitch} " * 5] for pitch in pitches]


def test_metrics_are_prometheus_text(riva_server: StartRiva, service: riva.client.ASRService) -> None:
    """The figures of the calls are there, by method and status."""
    service.offline_recognize(wav(tone(1.0)), config())
    match = re.search(r"Metrics server listening on 0.0.0.0:(\d+)", riva_server.output)
    assert match

    def text() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{match[1]}/metrics") as response:
            return response.read().decode()

    assert eventually(lambda: 'riva_calls_total{code="OK",method="Recognize",model="count-offline"}' in text())
    assert 'riva_models_ready{service="asr"} 2.0' in text()


def test_each_call_is_a_line_of_json_on_stdout(riva_server: StartRiva, service: riva.client.ASRService) -> None:
    """Lines that start with a brace are the calls."""
    service.offline_recognize(wav(tone(1.0)), config())

    def calls() -> list[dict[str, object]]:
        return [json.loads(line) for line in riva_server.lines if line.startswith("{")]

    assert eventually(lambda: any(call["method"] == "Recognize" and call["code"] == "OK" for call in calls()))


def test_a_taken_port_is_told_before_models_are_loaded(riva_server: StartRiva, repository: Path) -> None:
    """Two servers on one port: the second says so, at once, with its own exit code."""
    second = StartRiva(f"--riva-uri={riva_server.address}", f"--model-repository={repository}")

    assert second.wait() == 50
    assert "cannot listen on" in second.output
    assert "Traceback" not in second.output


def test_streams_finish_after_sigterm_and_new_calls_are_refused(repository: Path) -> None:
    """SIGTERM is what a deployment sends: who speaks may finish, nobody new gets in, exit code 0."""
    it = StartRiva("--riva-uri=127.0.0.1:0", f"--model-repository={repository}", "--grace-period=20")
    channel, stub = stub_of(it.address)
    held = Held(*messages(streaming(interim=True), [wav(tone(2.0))]))
    call = stub.StreamingRecognize(iter(held))
    assert next(iter(call)).results

    it.process.send_signal(signal.SIGTERM)
    assert eventually(lambda: "stopping: new calls are refused" in it.output)
    other, refused = stub_of(it.address)
    with pytest.raises(grpc.RpcError) as raised:
        refused.Recognize(rasr.RecognizeRequest(config=config(), audio=wav(tone(1.0))))
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    held.closed.set()

    assert transcripts(call) == ["hz450 hz450 "]
    assert it.wait() == 0
    channel.close()
    other.close()


@pytest.mark.parametrize("victim", ["triton", "api"])
def test_if_one_process_dies_the_other_is_stopped(repository: Path, victim: str) -> None:
    """A container must not go on with half of itself."""
    it = StartRiva("--riva-uri=127.0.0.1:0", f"--model-repository={repository}")
    assert it.address
    children = it.children()
    os.kill(children[victim], signal.SIGKILL)

    assert it.wait() == 51
    assert "One of the processes has exited unexpectedly. Stopping container." in it.output
    assert not any(Path(f"/proc/{pid}").exists() for pid in children.values())


def test_a_killed_supervisor_leaves_nothing_behind(repository: Path) -> None:
    """SIGKILL cannot be handled, so its children look after themselves."""
    it = StartRiva("--riva-uri=127.0.0.1:0", f"--model-repository={repository}")
    assert it.address
    children = it.children()
    assert set(children) == {"triton", "api"}
    it.stop(signal.SIGKILL)

    assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children.values()), 40)


def test_memory_shared_with_triton_outlives_no_process(riva_server: StartRiva) -> None:
    """Triton maps it and it loses its name, so that a killed server, or container, leaves none of it in /dev/shm."""
    assert riva_server.address
    maps = Path(f"/proc/{riva_server.children()['triton']}/maps")

    def shared() -> list[str]:
        return [line for line in maps.read_text().splitlines() if "/dev/shm/psm_" in line]

    assert eventually(lambda: bool(shared()))
    assert eventually(lambda: all(line.endswith("(deleted)") for line in shared()))


def test_sigterm_while_models_load_is_obeyed_at_once(tmp_path: Path) -> None:
    """Whoever interrupts a start does not wait for the models, and no process of Triton is left waiting for another."""
    write_model(tmp_path, model_config("count-online", "online"))
    it = StartRiva("--riva-uri=127.0.0.1:0", f"--model-repository={tmp_path}")
    assert eventually(lambda: "TRITONBACKEND_ModelInstanceInitialize" in it.output)
    it.process.send_signal(signal.SIGTERM)

    assert it.wait(20) == 0
    commands = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
    assert not any(os.fsencode(tmp_path) in command for command in commands)


@pytest.mark.full  # a Triton one of whose stubs has died takes half a minute to stop
def test_a_crashing_pipeline_is_an_error_of_the_call(repository: Path) -> None:
    """The stub process of a pipeline dies in the middle of a call: the caller gets Riva's status, others go on."""
    it = StartRiva("--riva-uri=127.0.0.1:0", f"--model-repository={repository}")
    channel, stub = stub_of(it.address)
    crash = config(endpointing_config=rasr.EndpointingConfig(start_history=CRASH))
    with pytest.raises(grpc.RpcError) as raised:
        stub.Recognize(rasr.RecognizeRequest(config=crash, audio=wav(tone(1.0))))

    assert raised.value.code() is grpc.StatusCode.UNKNOWN
    assert raised.value.details().startswith("Error: Triton model failed during inference. Error message: ")
    assert transcripts(stub.StreamingRecognize(messages(streaming(), [wav(tone(1.0))]))) == ["hz450 "]
    channel.close()
    assert it.stop() == 0


@pytest.mark.parametrize(("tool", "children"), [("start_riva", {"api"}), ("riva_server", set())])
def test_an_external_triton_is_used(riva_server: StartRiva, tool: str, children: set[str]) -> None:
    """--triton-uri starts no second Triton; riva_server is the API server alone, which needs nobody to watch it."""
    assert riva_server.address  # it is ready
    match = re.search(r"Started GRPCInferenceService at (\S+?)\"?$", riva_server.output, re.MULTILINE)
    assert match
    it = StartRiva("--riva-uri=127.0.0.1:0", f"--triton-uri={match[1]}", tool=tool)
    channel, stub = stub_of(it.address)
    assert set(it.children()) == children
    assert stub.Recognize(rasr.RecognizeRequest(config=config(), audio=wav(tone(1.0)))).results
    channel.close()
    assert it.stop(signal.SIGINT) == 0


def test_an_empty_repository_is_refused(tmp_path: Path) -> None:
    """A folder without models gets a message and an exit code, not a server that is ready for nothing."""
    it = StartRiva("--riva-uri=127.0.0.1:0", f"--model-repository={tmp_path}")

    assert it.wait() == 44
    assert str(tmp_path) in it.output
    assert "Traceback" not in it.output


def test_a_model_that_triton_refuses_is_named(tmp_path: Path) -> None:
    """A broken model ends the start with the model's name and Triton's reason."""
    write_model(tmp_path, model_config("count-online", "online"))
    (tmp_path / "count-online" / "1" / "model.py").write_text("this is not Python")
    it = StartRiva("--riva-uri=127.0.0.1:0", f"--model-repository={tmp_path}")

    assert it.wait() == 45
    assert "Triton server died before reaching ready state" in it.output
    assert "count-online" in it.output


def test_a_port_that_is_listened_on_by_somebody_else(repository: Path) -> None:
    """Any program on the port counts, not only another Riva."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        begin = time.monotonic()
        it = StartRiva(f"--riva-uri=127.0.0.1:{taken.getsockname()[1]}", f"--model-repository={repository}")
        assert it.wait() == 50
        assert time.monotonic() - begin < 5
