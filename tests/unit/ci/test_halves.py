"""A path on the command line of the tests reaches the half that it belongs to, and only that."""

from pathlib import Path

import pytest

from ci.halves import asked_of


@pytest.fixture(autouse=True)
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two folders: one with a module of each half, one with the dev half's only."""
    for folder, name, text in (
        ("both", "test_nemo.py", "pytestmark = pytest.mark.export\n"),
        ("both", "test_server.py", ""),
        ("server", "test_stream.py", ""),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(text)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "dev", "export"),
    [
        ([], [], []),
        (["-k", "asr", "-x"], ["-k", "asr", "-x"], ["-k", "asr", "-x"]),
        (["both/test_server.py"], ["both/test_server.py"], None),
        (["-x", "both/test_nemo.py::test_one"], None, ["-x", "both/test_nemo.py::test_one"]),
        (["both"], ["both"], ["both"]),
        (["server", "-q"], ["server", "-q"], None),
        (["server", "both/test_nemo.py"], ["server"], ["both/test_nemo.py"]),
    ],
)
def test_paths_go_to_their_half(arguments: list[str], dev: list[str] | None, export: list[str] | None) -> None:
    """Options go to both; a half that is left without a path is not run at all."""
    assert asked_of("dev", arguments) == dev
    assert asked_of("export", arguments) == export
