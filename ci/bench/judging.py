"""Whole `riva-verdict` runs of large checkpoints, against what reads the same bytes and does nothing with them."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from time import perf_counter

from ci import environments
from ci.bench.figure import Figure, median_ratio
from ci.bench.subject import Subject
from ci.errors import StageFailed
from ci.pipeline.stages import BUILD

__all__ = ["measure_judging"]

_LARGE = {False: 2560 << 20, True: 256 << 20}  # bytes added to the weights, by whether it is quick: zeros
_DENSE = {False: 512 << 20, True: 64 << 20}  # noise, which compresses as little as trained weights do

# As torch.save writes it. The zeros take no memory: nobody writes to them.
_ENLARGE = """
import sys, tarfile, tempfile, torch
source, target, size, make = sys.argv[1], sys.argv[2], int(sys.argv[3]), getattr(torch, sys.argv[4])
with tempfile.TemporaryDirectory(dir=target.rpartition("/")[0]) as folder:
    tarfile.open(source).extractall(folder)
    weights = folder + "/model_weights.ckpt"
    state = torch.load(weights)
    torch.save({**state, **{f"more.{part}": make(8 << 20) for part in range(size >> 25)}}, weights)
    with tarfile.open(target, "w") as tar:
        tar.add(folder, ".")
"""


def measure_judging(subject: Subject, *, quick: bool) -> Iterator[Figure]:
    """Seconds of static findings; of a gzipped checkpoint over `gzip -t`, of the scan of weights over `sha256sum`."""
    rounds = 1 if quick else 5
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        large, dense = Path(folder) / "large.nemo", Path(folder) / "dense.nemo"
        _enlarge(subject.nemo, large, size=_LARGE[quick], make="zeros")
        found = _timed({"static findings": partial(_judge, large)}, rounds=rounds)
        yield _seconds("verdict/plain", found, "static findings", at_most=1.0)
        scan = partial(_judge, large, "--scan-weights")
        tools = {"riva-verdict": scan, "sha256sum": partial(_run, "sha256sum", large)}
        yield from _compare("verdict/scan", tools, limit=1.5, rounds=rounds)
        large.unlink()
        _enlarge(subject.nemo, dense, size=_DENSE[quick], make="rand")
        _run("gzip", "-1", dense)
        packed = dense.with_suffix(".nemo.gz")
        tools = {"riva-verdict": partial(_judge, packed), "gzip -t": partial(_run, "gzip", "-t", packed)}
        yield from _compare("verdict/gzip", tools, limit=1.3, rounds=rounds)


def _compare(name: str, tools: Mapping[str, Callable[[], None]], *, limit: float, rounds: int) -> Iterator[Figure]:
    seconds = _timed(tools, rounds=rounds)
    for tool in tools:
        yield _seconds(name, seconds, tool)
    above, below = tools
    value, spread = median_ratio(seconds[above], seconds[below])
    yield Figure(name=f"{name}/{above} over {below}", value=value, unit="x", at_most=limit, spread=spread)


def _timed(tools: Mapping[str, Callable[[], None]], *, rounds: int) -> dict[str, list[float]]:
    """Seconds of each, in turn; a first round, which reads from the disk, does not count."""
    seconds: dict[str, list[float]] = {tool: [] for tool in tools}
    for round_ in range(rounds + 1):
        for tool, call in tools.items():
            begin = perf_counter()
            call()
            if round_:
                seconds[tool].append(perf_counter() - begin)
    return seconds


def _seconds(name: str, seconds: Mapping[str, list[float]], tool: str, *, at_most: float | None = None) -> Figure:
    times = sorted(seconds[tool])
    return Figure(
        name=f"{name}/{tool}", value=times[len(times) // 2], unit="s", at_most=at_most, spread=(times[0], times[-1])
    )


def _enlarge(source: Path, target: Path, *, size: int, make: str) -> None:
    python = environments.ready("export") / "bin" / "python"
    _run(python, "-c", _ENLARGE, source, target, str(size), make)
    os.sync()  # nobody pays for what this has written


def _judge(path: Path, *options: str) -> None:
    """Judges for any machine: the figures are for checkpoints that need more memory than this one may have."""
    _run(sys.executable, "-m", "pipelines.cli.riva_verdict", "--memory=any", "--disk=any", *options, path)


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StageFailed(f"{command[0]} ended with {done.returncode}", why=(done.stderr or done.stdout)[-2000:])
