"""SERVING means that a call would succeed, as the models report it."""

from collections.abc import Iterator
from dataclasses import replace

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pipelines.server import monitor
from pipelines.server.options import ServerOptions
from tests.counting.client import eventually
from tests.counting.running import RunningServer

ASR = "nvidia.riva.asr.RivaSpeechRecognition"
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningServer]:
    monkeypatch.setattr(monitor, "POLL_SECONDS", 0.05)
    with RunningServer() as it:
        yield it


@pytest.fixture
def health(running: RunningServer) -> Iterator[health_pb2_grpc.HealthStub]:
    with grpc.insecure_channel(running.address) as channel:
        yield health_pb2_grpc.HealthStub(channel)


def check(health: health_pb2_grpc.HealthStub, service: str = "") -> int:
    return health.Check(health_pb2.HealthCheckRequest(service=service)).status


def test_serving_is_said_for_the_server_and_for_each_service(health: health_pb2_grpc.HealthStub) -> None:
    """The probe asks without a name; others ask by name; an unknown name is NOT_FOUND."""
    assert check(health) == check(health, ASR) == SERVING
    with pytest.raises(grpc.RpcError) as raised:
        check(health, "nvidia.riva.tts.RivaSpeechSynthesis")
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_model_out_of_order_is_seen_and_its_return_too(
    running: RunningServer, health: health_pb2_grpc.HealthStub
) -> None:
    """Health follows the models, not the process."""
    running.triton.states["count-online"] = "UNAVAILABLE"
    assert eventually(lambda: check(health) == NOT_SERVING)
    running.triton.states["count-online"] = "READY"
    assert eventually(lambda: check(health, ASR) == SERVING)


def test_a_triton_that_dies_is_seen(running: RunningServer, health: health_pb2_grpc.HealthStub) -> None:
    """Without Triton nothing is served."""
    running.do(running.triton.stop())

    assert eventually(lambda: check(health) == check(health, ASR) == NOT_SERVING)


@pytest.mark.parametrize("services", [("asr",), ()], ids=["no models", "no services"])
def test_nothing_to_serve_is_not_serving(services: tuple[str, ...]) -> None:
    """An empty repository does not count as all models being ready, nor does an empty list of services."""
    with (
        RunningServer(replace(ServerOptions(), services=services), configs=[]) as running,
        grpc.insecure_channel(running.address) as channel,
    ):
        assert check(health_pb2_grpc.HealthStub(channel)) == NOT_SERVING


def test_watchers_see_changes_and_are_let_go(running: RunningServer, health: health_pb2_grpc.HealthStub) -> None:
    """Watch tells each change; a server that stops says NOT_SERVING and does not wait for its watchers."""
    changes = iter(health.Watch(health_pb2.HealthCheckRequest()))
    unknown = iter(health.Watch(health_pb2.HealthCheckRequest(service="nobody")))
    assert next(changes).status == SERVING
    assert next(unknown).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    running.triton.states["count-online"] = "UNAVAILABLE"
    assert next(changes).status == NOT_SERVING
    running.triton.states["count-online"] = "READY"
    assert next(changes).status == SERVING

    running.do(running.server.stop())

    assert [change.status for change in changes] == [NOT_SERVING]
