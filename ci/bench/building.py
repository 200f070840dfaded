"""Whole `riva-build` runs of a large archive, against `cp` and `sha256sum` of the same bytes on the same disk."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter

from ci.bench.figure import Figure, median_ratio
from ci.bench.subject import LANGUAGE, Subject
from ci.errors import StageFailed
from ci.pipeline.stages import BUILD
from pipelines.archive.archive import Archive, Member, write_archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.archive.encryption import Key

__all__ = ["measure_building"]

_GRAPH = "model_graph.onnx"
_SIZES = {False: 1 << 30, True: 64 << 20}  # bytes, by whether it is quick
_BLOCK = 1 << 20
_LIMITS = {"plain": 2.0, "encrypted": 2.5}


def measure_building(subject: Subject, *, quick: bool) -> Iterator[Figure]:
    """Seconds of both, and their ratio, plain and with a key for the input and the output."""
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        key = Path(folder) / "key"
        key.write_bytes(os.urandom(32).hex().encode())
        for kind, limit in _LIMITS.items():
            sealed = kind == "encrypted"
            riva = Path(folder) / f"{kind}.riva"
            _enlarge(subject, riva, size=_SIZES[quick], key=Key(key.read_bytes()) if sealed else None)
            yield from _compare(
                f"build/{kind}", riva, f":{key}" if sealed else "", limit=limit, rounds=1 if quick else 5
            )
            riva.unlink()


def _enlarge(subject: Subject, path: Path, *, size: int, key: Key | None) -> None:
    """Writes the subject's archive with noise in place of its graph: weights do not compress either."""
    graph = path.with_suffix(".onnx")
    with graph.open("wb") as file:
        for _ in range(size // _BLOCK):
            file.write(os.urandom(_BLOCK))
    with Archive.open(EncryptedPath(subject.riva)) as riva:
        facts = {name: value for name, value in riva.manifest.items() if name != "artifacts"}
        members = [riva.member(name) for name in riva.names() if name != _GRAPH]
        write_archive(path, facts, [Member(_GRAPH, graph, encrypt=True), *members], key=key)
    graph.unlink()


def _compare(name: str, riva: Path, suffix: str, *, limit: float, rounds: int) -> Iterator[Figure]:
    rmir, copy = riva.with_suffix(".rmir"), riva.with_suffix(".copy")
    tools: dict[str, Callable[[], None]] = {
        "riva-build": partial(_build, f"{rmir}{suffix}", f"{riva}{suffix}"),
        "cp and sha256sum": partial(_copy, riva, copy),
    }
    seconds: dict[str, list[float]] = {tool: [] for tool in tools}
    for _ in range(rounds):
        for tool, call in tools.items():
            os.sync()  # nobody pays for what another one has written
            begin = perf_counter()
            call()
            seconds[tool].append(perf_counter() - begin)
            rmir.unlink(missing_ok=True)
            copy.unlink(missing_ok=True)
    for tool, times in seconds.items():
        middle = sorted(times)[len(times) // 2]
        yield Figure(name=f"{name}/{tool}", value=middle, unit="s", spread=(min(times), max(times)))
    value, spread = median_ratio(seconds["riva-build"], seconds["cp and sha256sum"])
    yield Figure(name=f"{name}/riva-build over cp and sha256sum", value=value, unit="x", at_most=limit, spread=spread)


def _build(rmir: str, riva: str) -> None:
    tool = [sys.executable, "-m", "pipelines.cli.riva_build", "speech_recognition"]
    _run([*tool, rmir, riva, f"--language_code={LANGUAGE}", "--decoder_type=greedy"])


def _copy(riva: Path, copy: Path) -> None:
    _run(["cp", riva, copy])
    _run(["sha256sum", copy])


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StageFailed(f"{command[0]} ended with {done.returncode}", why=done.stderr[-2000:])
