"""The command: what it is asked, what it ends with, and that it is light and never hangs."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ci.doctor import probe
from ci.doctor.__main__ import main
from ci.targets import Targets
from pipelines.errors import UsageError
from tests.unit.ci.doctor.recordings import Recorded

ROOT = Path(__file__).parents[4]
HEAVY = {"docker", "grpc", "numpy", "onnx", "onnxruntime", "requests", "rich", "torch", "http"}


def replay(monkeypatch: pytest.MonkeyPatch, machine: Recorded) -> None:
    monkeypatch.setattr(probe, "ThisMachine", lambda: machine)


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)["job"]


def test_a_machine_without_a_gpu_is_in_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With no arguments the machine is asked to be what this repository's own runtime needs."""
    replay(monkeypatch, Recorded("no-gpu"))

    assert main([]) == 0
    assert "no NVIDIA GPU is here; target cpu uses none" in capsys.readouterr().out


def test_a_machine_that_fails_a_job_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same machine is no GPU runner."""
    replay(monkeypatch, Recorded("no-gpu"))

    assert main(["--target=x86-gpu"]) == 1


def test_what_is_not_said_stands_in_targets_yaml(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The step of a job names its target and nothing else."""
    replay(monkeypatch, Recorded("gpu-runner"))
    targets = Targets.read()
    target = targets.by_name["x86-gpu"]

    code, job = report(capsys, "--target=x86-gpu")

    assert code == 0
    assert job["riva"] == targets.riva_version
    assert (job["runtime"], job["labels"]) == (target.runtime, list(target.runs_on))


def test_a_fork_need_not_list_every_target(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What targets.yaml does not name is taken to NVIDIA's images, without labels."""
    replay(monkeypatch, Recorded("jetson-36.3"))
    cpu_only = Targets.read()
    monkeypatch.setattr(Targets, "read", lambda: replace(cpu_only, by_name={"cpu": cpu_only.by_name["cpu"]}))

    code, job = report(capsys, "--target=jetson")

    assert code == 0
    assert (job["runtime"], job["labels"]) == ("container", [])


def test_flags_stand_before_targets_yaml(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Version, images and labels can be others."""
    replay(monkeypatch, Recorded("no-gpu"))

    code, job = report(capsys, "--riva-version=2.16", "--image-prefix=riva-ci/", "--labels=self-hosted, x64")

    assert code == 0
    assert job == {
        "riva": "2.16.0",
        "target": "cpu",
        "runtime": "container",
        "images": ["riva-ci/riva-speech:2.16.0-servicemaker", "riva-ci/riva-speech:2.16.0"],
        "labels": ["self-hosted", "x64"],
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["--target=tpu"],
        ["--riva-version=9.9"],
        ["--target=x86-gpu", "--runtime=local"],
        ["--runtime=container"],
        ["--image-prefix=riva-ci", "--runtime=local"],
    ],
    ids=["target", "version", "local GPU", "NVIDIA on cpu", "prefix without containers"],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage is an error with what to do, before anything is looked at."""
    assert main(arguments) == UsageError.exit_code
    assert "fix: " in capsys.readouterr().err


def test_reports_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--report writes both forms."""
    replay(monkeypatch, Recorded("no-gpu"))

    assert main([f"--report={tmp_path / 'a' / 'b'}"]) == 0
    assert json.loads((tmp_path / "a" / "b" / "doctor.json").read_text())["outcome"] == "unknown"
    assert (tmp_path / "a" / "b" / "doctor.md").read_text().startswith("### ❔ Runner doctor")


def test_help_is_light() -> None:
    """`--help` imports nothing heavy, and no network library."""
    code = "import sys, runpy\nsys.argv[1:] = ['--help']\ntry: runpy.run_module('ci.doctor', run_name='__main__')\n"
    code += "finally: print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)

    assert "usage: riva-doctor" in done.stdout
    assert not [module for module in HEAVY if f"'{module}'" in done.stderr.splitlines()[-1]]


def test_a_hung_nvidia_smi_hangs_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real probe, with an nvidia-smi that never ends: a finding, and the rest of the report."""
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\ntrap '' TERM\nsleep 60\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(probe, "COMMAND_SECONDS", 0.5)
    started = time.monotonic()

    code = main(["--target=x86-gpu", "--offline"])

    assert code == 1
    assert time.monotonic() - started < 5
    shown = capsys.readouterr().out
    assert "nvidia-smi: it had not answered" in shown
    assert "memory-free" in shown
