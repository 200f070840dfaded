"""What runs a network inside Triton, with Triton's side played: who runs a request, and how its answer goes back."""

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.tiny_graphs import BANDS, WEIGHTS, write_graph


@dataclass
class Request:
    """As the Python backend hands it over; remembers what was sent to it, and from which thread."""

    frames: Any
    sent: list[Any] = field(default_factory=list)
    thread: str = ""
    answered: threading.Event = field(default_factory=threading.Event)

    def get_response_sender(self) -> "Request":
        return self

    def send(self, response: Any, flags: int) -> None:
        self.thread = threading.current_thread().name
        self.sent.append(response)
        self.answered.set()

    def answer(self) -> Any:
        assert self.answered.wait(10)
        return self.sent[0]


def request(frames: int = 5, batch: int = 1) -> Request:
    return Request(np.random.default_rng(frames).standard_normal((batch, BANDS, frames), np.float32))


def check(response: Any, asked: Request) -> None:
    ((name, values),) = response
    assert name == "logprobs"
    np.testing.assert_allclose(values, asked.frames.swapaxes(1, 2) @ WEIGHTS, rtol=1e-5)


@dataclass
class Clock:
    """Seconds as the model sees them."""

    now: float = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Callable[..., Any]:
    """Loads the model with parameters of its configuration."""
    backend: Any = ModuleType("triton_python_backend_utils")
    backend.Tensor = lambda name, values: (name, values)
    backend.InferenceResponse = lambda tensors=None, error=None: tensors if error is None else error
    backend.TritonError = RuntimeError
    backend.TRITONSERVER_RESPONSE_COMPLETE_FINAL = 1
    backend.get_input_tensor_by_name = lambda asked, name: SimpleNamespace(as_numpy=lambda: asked.frames)
    monkeypatch.setitem(sys.modules, backend.__name__, backend)
    monkeypatch.delitem(sys.modules, "pipelines.triton.models.network", raising=False)
    from pipelines.triton.models import network as module

    monkeypatch.setattr(module, "time", clock)
    (tmp_path / "1").mkdir()
    write_graph(tmp_path / "1" / module.GRAPH_FILE)

    def load(*, spread: bool = False, together: bool = False) -> Any:
        values = {"threads": "2", "spread": str(spread), "together": str(together)}
        parameters = {name: {"string_value": value} for name, value in values.items()}
        model = module.TritonPythonModel()
        model.initialize(
            {
                "model_config": json.dumps({"parameters": parameters}),
                "model_repository": str(tmp_path),
                "model_version": "1",
            }
        )
        return model

    return load


@pytest.mark.parametrize("spread", [True, False])
def test_answers_that_go_together_are_returned(network: Callable[..., Any], spread: bool) -> None:
    """Sending them crashed Triton once; then no sender may be asked for, however many requests there are."""
    model, asked = network(together=True, spread=spread), [request(3), request(5, batch=9), request(4)]

    for requests in (asked, asked[:1]):
        responses = model.execute(requests)

        for response, one in zip(responses, requests, strict=True):
            check(response, one)
            assert not one.sent
    model.finalize()


def test_a_request_that_is_alone_is_run_without_a_hand_over(network: Callable[..., Any], clock: Clock) -> None:
    """Several in one call, and for a while what comes after them, go to the workers, which run side by side."""
    model, here = network(spread=True), threading.current_thread().name

    def threads_of(*asked: Request) -> set[str]:
        assert model.execute(list(asked)) is None
        for one in asked:
            check(one.answer(), one)
        return {one.thread for one in asked}

    assert threads_of(request(3)) == {here}
    clock.now += 0.01
    assert threads_of(request(3)) == {here}
    clock.now += 0.01
    assert here not in threads_of(request(4), request(5))
    assert here not in threads_of(request(6))
    clock.now += 1
    assert threads_of(request(3)) == {here}
    model.finalize()


def test_a_request_that_waited_for_one_that_was_alone_is_not_alone(network: Callable[..., Any], clock: Clock) -> None:
    """It came while nothing else could be started: there is a second client."""
    model, here = network(spread=True), threading.current_thread().name
    first, second = request(3), request(4)

    model.execute([first])
    clock.now += 0.0001
    model.execute([second])

    check(second.answer(), second)
    assert (first.thread == here, second.thread == here) == (True, False)
    model.finalize()


def test_streams_are_left_to_the_workers(network: Callable[..., Any]) -> None:
    """Windows of streams gather while others are computed: nothing may hold up the next call."""
    model, asked = network(), request()

    assert model.execute([asked]) is None

    check(asked.answer(), asked)
    assert asked.thread != threading.current_thread().name
    model.finalize()


def test_an_error_is_the_answer(network: Callable[..., Any]) -> None:
    """The caller hears what ONNX Runtime says."""
    model, asked = network(spread=True), Request(np.zeros((1, BANDS + 1, 3), np.float32))

    model.execute([asked])

    assert "audio_signal" in str(asked.answer())
    model.finalize()
