"""A repository of its own, whose tools are small stand-ins that note that they ran."""

import stat
import sys
from pathlib import Path

import pytest

from ci import environments
from ci.pipeline import __main__ as command
from ci.pipeline import checkpoint, run, stages

# Each stand-in notes that it ran, and writes what the real tool would write, made from what it reads.
TOOL = f"""\
#!{sys.executable}
import pathlib, sys
tool, words = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
root = pathlib.Path(sys.argv[0]).parents[2]
with (root / "ran").open("a") as ran:
    ran.write(tool + "\\n")
flag = lambda name: next(pathlib.Path(w.split("=", 1)[1]) for w in words if w.startswith(f"--{{name}}="))
plain = [pathlib.Path(w) for w in words if not w.startswith("-")]
if (root / f"break-{{tool}}").exists():
    sys.exit(f"{{tool}} is broken")
if tool == "riva-verdict":
    import json
    unknown, large = ((root / name).exists() for name in ("unknown-verdict", "large-needs"))
    needs = {{"export_memory": 10**15 if large else 1, "serve_memory": 1, "disk": 0}}
    finding = {{"rule": "riva-image-known", "outcome": "unknown", "what": "no source names it"}}
    judged = {{"outcome": "unknown" if unknown else "works", "counts": {{"works": 3}}, "needs": needs}}
    judged["findings"] = [finding] if unknown else []
    flag("report").mkdir()
    (flag("report") / "verdict.json").write_text(json.dumps({{"checkpoints": [judged]}}))
    (flag("report") / "verdict.md").write_text("### the verdict")
    print("the table")
    sys.exit(4 if unknown else 0)
elif tool == "nemo2riva":
    flag("out").write_bytes(b"riva of " + plain[0].read_bytes())
elif tool == "riva-build":
    options = sorted(w for w in words if w.startswith("--") and "=" in w)
    plain[1].write_text(f"rmir of {{plain[2].read_text()}} with {{options}}")
elif tool == "riva-deploy":
    plain[-1].mkdir(exist_ok=True)
    (plain[-1] / "config.pbtxt").write_text("".join(path.read_text() for path in plain[:-1]))
elif tool == "start-riva":
    import signal, time
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("Riva Conversational AI Server listening on 127.0.0.1:4321", flush=True)
    time.sleep(60)
elif tool == "riva-conformance":
    assert "--uri=127.0.0.1:4321" in words
    flag("report").mkdir(exist_ok=True)
    report = '{{"outcome": "pass", "counts": {{"pass": 1}}, "measured": {{"word errors": "1 %"}}}}'
    (flag("report") / "conformance.json").write_text(report)
"""
TOOLS = ("riva-verdict", "nemo2riva", "riva-build", "riva-deploy", "start-riva", "riva-conformance")
DECLARATION = """\
checkpoint: {path: model.nemo}
pipeline: speech_recognition
language: en-US
builds: {streaming: {chunk_size: 0.16}, offline: {}}
version: 1.0.0
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkpoint `words` in a repository of its own, with stand-ins for the tools."""
    for tool in TOOLS:
        path = tmp_path / "environment" / "bin" / tool
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TOOL)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "code.py").write_text("version = 1")
    monkeypatch.setattr(environments, "ready", lambda name: tmp_path / "environment")
    monkeypatch.setattr(environments, "identity", lambda name: name)
    monkeypatch.setattr(stages, "ROOT", tmp_path)
    monkeypatch.setattr(stages, "BUILD", tmp_path / "build")
    monkeypatch.setattr(run, "BUILD", tmp_path / "build")
    monkeypatch.setattr(command, "BUILD", tmp_path / "build")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(checkpoint, "CHECKPOINTS", tmp_path / "checkpoints")
    folder = tmp_path / "checkpoints" / "words"
    (folder / "evaluation").mkdir(parents=True)
    (folder / "evaluation" / "manifest.json").write_text("{}")
    (folder / "pipeline.yaml").write_text(DECLARATION)
    (folder / "model.nemo").write_bytes(b"weights")
    return folder
