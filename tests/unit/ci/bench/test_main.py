"""The command line of the bench."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ci.bench import __main__ as bench
from ci.bench import figure
from ci.bench.figure import Figure


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Measurements that take no time: `fast` reaches its target, `slow` misses it; records what was asked of them."""
    asked: list[tuple[str, bool]] = []

    def measurement(name: str, value: float) -> Any:
        def measure(size: str, *, quick: bool) -> Iterator[Figure]:
            asked.append((f"{name} {size}", quick))
            yield Figure(name=f"{name}/{size}", value=value, unit="x", at_least=1.0)

        return measure

    table = {"fast": (measurement("fast", 2.0), ("2m", "13m")), "slow": (measurement("slow", 0.5), ("2m",))}
    monkeypatch.setattr(bench, "_MEASUREMENTS", table)
    monkeypatch.setattr(bench, "prepare", lambda size: size)
    monkeypatch.setattr(figure, "_PACKAGES", ())
    return asked


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], [("fast 2m", False), ("fast 13m", False), ("slow 2m", False)]),
        (["--only", "fast"], [("fast 2m", False), ("fast 13m", False)]),
        (["--model", "13m", "--quick"], [("fast 13m", True)]),
        (["--only", "slow", "--model", "13m"], []),
    ],
)
def test_measurements_are_chosen(
    measured: list[tuple[str, bool]], tmp_path: Path, arguments: list[str], expected: list[tuple[str, bool]]
) -> None:
    """Everything is measured unless measurements or models are named, and the JSON holds just that."""
    assert bench.main([*arguments, "--json", str(tmp_path / "bench.json")]) == 0
    assert measured == expected
    report = json.loads((tmp_path / "bench.json").read_text())
    assert [figure["name"].replace("/", " ") for figure in report["figures"]] == [name for name, _ in expected]


@pytest.mark.parametrize(("only", "code"), [("fast", 0), ("slow", 1)])
@pytest.mark.usefixtures("measured")
def test_check_fails_where_a_target_is_missed(tmp_path: Path, only: str, code: int) -> None:
    """Without --check a missed target is only shown; with it, it decides about the exit code."""
    arguments = ["--only", only, "--json", str(tmp_path / "bench.json")]
    assert bench.main(arguments) == 0
    assert bench.main([*arguments, "--check"]) == code


@pytest.mark.usefixtures("measured")
def test_an_unknown_measurement_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """What is not measured here is refused with the names of what is."""
    assert bench.main(["--only", "latency"]) == 64
    assert "fast" in capsys.readouterr().err
