"""The whole API server before a fake Triton, called with the stock client, for the tests of this folder."""

from collections.abc import Iterator

import grpc
import pytest
import riva.client
from riva.client.proto import riva_asr_pb2_grpc

from pipelines.server.options import ServerOptions
from tests.counting.repository import model_config
from tests.counting.running import RunningServer


@pytest.fixture(scope="module")
def running() -> Iterator[RunningServer]:
    configs = [
        model_config("count-online", "online", profane_words="hz450\nhz600"),
        model_config("count-offline", "offline"),
        model_config("count-german", "online", language_code="de-DE,de-CH"),
    ]
    with RunningServer(
        ServerOptions(services=("asr", "tts"), config_timeout=0.5, idle_timeout=0.8), configs=configs
    ) as it:
        yield it


@pytest.fixture(scope="module")
def service(running: RunningServer) -> Iterator[riva.client.ASRService]:
    auth = riva.client.Auth(uri=running.address)
    yield riva.client.ASRService(auth)
    auth.channel.close()


@pytest.fixture
def stub(running: RunningServer) -> Iterator[riva_asr_pb2_grpc.RivaSpeechRecognitionStub]:
    with grpc.insecure_channel(running.address) as channel:
        yield riva_asr_pb2_grpc.RivaSpeechRecognitionStub(channel)
