"""Nothing gets out of the sandbox, whichever of its layers the kernel grants."""

import pytest

from pipelines.export.sandbox import self_test
from pipelines.export.sandbox.isolation import LAYERS, Isolation
from pipelines.export.sandbox.self_test import OPEN, Trial, try_to_escape

WITHOUT_NAMESPACES = tuple(layer for layer in LAYERS if layer != "namespaces")


@pytest.mark.parametrize(
    "layers",
    [LAYERS, WITHOUT_NAMESPACES, ("namespaces",), ("privileges", "system calls"), ("privileges", "files"), ("memory",)],
    ids=["all", "as_in_a_container", "namespaces", "system_calls", "files", "memory"],
)
def test_every_layer_holds_by_itself(layers: tuple[str, ...]) -> None:
    """What a layer is there to close is closed when it is on, also where it is the only one."""
    isolation, trials = try_to_escape(layers)

    assert set(isolation.layers) <= set(layers)
    assert [trial.name for trial in trials if trial.open and set(trial.held_by) & set(isolation.layers)] == []
    assert isolation.network is bool({"namespaces", "system calls"} & set(isolation.layers))


def test_without_a_layer_everything_is_open() -> None:
    """The attempts are real: nothing but the layers stops them. Variables are never there to be read."""
    isolation, trials = try_to_escape(())

    assert isolation.layers == ()
    assert len(isolation.missing) == len(LAYERS)
    assert [trial.name for trial in trials if not trial.open] == ["variable"]


def test_this_machine_closes_the_network() -> None:
    """Filters of system calls need no privilege, so that every machine that runs the tests has at least those."""
    isolation, _ = try_to_escape()

    assert isolation.network
    assert "system calls" in isolation.layers


def test_the_command_fails_where_a_way_is_open(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what is open, which layer would close it, and why that is not there."""
    isolation = Isolation(network=True, layers=("system calls",), missing=("files: Function not implemented",))
    trials = [
        Trial("read", "read a file", ("files",), open=True),
        Trial("agent", "talk", ("system calls",), open=False),
    ]
    monkeypatch.setattr(self_test, "try_to_escape", lambda: (isolation, trials))

    assert self_test.main([]) == OPEN

    said = capsys.readouterr().out
    assert "read a file: OPEN: nothing here has files" in said
    assert "talk: held" in said
    assert "not here: files: Function not implemented" in said


def test_the_command_succeeds_where_everything_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    isolation = Isolation(network=True, layers=LAYERS, missing=())
    monkeypatch.setattr(self_test, "try_to_escape", lambda: (isolation, [Trial("a", "b", (), open=False)]))

    assert self_test.main([]) == 0
