"""The whole process of nemo2riva, checks included, against a bare NeMo script that restores and exports."""

import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

from ci import environments
from ci.bench.figure import Figure, median_ratio
from ci.bench.subject import Subject
from ci.errors import StageFailed
from ci.runtime import Command
from ci.runtime.local import start

__all__ = ["measure_exporting"]

# NeMo's own unpacking needs tarfile's filters, which Python has since 3.11.4 and Debian 12 has 3.11.2.
_BARE = """
import sys, tarfile, tempfile
from nemo.collections.asr.models import ASRModel
from nemo.core.connectors.save_restore_connector import SaveRestoreConnector
connector = SaveRestoreConnector()
unpacked = tempfile.TemporaryDirectory()
connector.model_extracted_dir = unpacked.name
tarfile.open(sys.argv[1]).extractall(unpacked.name)
model = ASRModel.restore_from(unpacked.name, map_location="cpu", save_restore_connector=connector)
model.eval()
model.export(sys.argv[2])
"""


def measure_exporting(subject: Subject, *, quick: bool) -> Iterator[Figure]:
    """Seconds of both, and their ratio."""
    seconds: dict[str, list[float]] = {"nemo2riva": [], "bare NeMo": []}
    cpu: dict[str, list[float]] = {name: [] for name in seconds}
    with tempfile.TemporaryDirectory() as folder:
        for round_ in range(1 if quick else 4):
            for name, run in (("nemo2riva", _nemo2riva), ("bare NeMo", _bare)):
                before = _children_cpu()
                taken = _timed(run, subject.nemo, Path(folder))
                if round_ or quick:  # the first reads NeMo from the disk
                    seconds[name].append(taken)
                    cpu[name].append(_children_cpu() - before)
    name = f"export/{subject.name}"
    for what, times in seconds.items():
        middle = sorted(times)[len(times) // 2]
        yield Figure(name=f"{name}/{what}", value=middle, unit="s", spread=(min(times), max(times)))
    value, spread = median_ratio(seconds["nemo2riva"], seconds["bare NeMo"])
    yield Figure(name=f"{name}/nemo2riva over bare NeMo", value=value, unit="x", at_most=1.25, spread=spread)
    value, spread = median_ratio(cpu["nemo2riva"], cpu["bare NeMo"])
    yield Figure(name=f"{name}/CPU of nemo2riva over bare NeMo", value=value, unit="x", spread=spread)


def _nemo2riva(nemo: Path, folder: Path) -> None:
    command = Command("nemo2riva", ("--force", ("--out=", folder / "model.riva"), nemo), folder / "nemo2riva.log")
    with start(command) as running:
        code = running.wait()
    if code != 0:
        raise StageFailed(f"nemo2riva ended with {code}", why=command.log.read_text(encoding="utf-8")[-2000:])


def _bare(nemo: Path, folder: Path) -> None:
    python = environments.ready("export") / "bin" / "python"
    command: list[str | Path] = [python, "-c", _BARE, nemo, folder / "model.onnx"]
    done = subprocess.run(command, env=environments.clean_variables(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StageFailed(f"the bare NeMo script ended with {done.returncode}", why=done.stderr[-2000:])


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _timed(run: Callable[[Path, Path], None], nemo: Path, folder: Path) -> float:
    begin = perf_counter()
    run(nemo, folder)
    return perf_counter() - begin
