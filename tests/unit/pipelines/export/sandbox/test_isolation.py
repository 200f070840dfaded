"""What is said of a sandbox."""

from pathlib import Path

from pipelines.export.sandbox import Isolation, Sandbox


def test_both_survive_the_way_to_another_process(tmp_path: Path) -> None:
    sandbox = Sandbox(work=tmp_path, memory_limit=1 << 30, whole_address_space=False, layers=("files",))
    isolation = Isolation(network=False, layers=("files",), missing=("memory: left out",))

    assert Sandbox.from_json(sandbox.to_json()) == sandbox
    assert Isolation.from_json(isolation.to_json()) == isolation


def test_what_is_missing_is_never_silent() -> None:
    """An open network is in capitals in the log, first among the notes, and in the manifest."""
    isolation = Isolation(network=False, layers=("memory",), missing=("namespaces: Operation not permitted",))

    assert "network OPEN" in str(isolation)
    assert isolation.notes[0].startswith("the export ran with network")
    assert isolation.notes[1] == "the sandbox of the export has no namespaces: Operation not permitted"
    assert isolation.facts == {"network": "open", "layers": ["memory"], "missing": [*isolation.missing]}


def test_nothing_is_said_where_nothing_is_missing() -> None:
    assert Isolation(network=True, layers=("namespaces",), missing=()).notes == []
