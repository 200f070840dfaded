"""Keys are in no output, log, error or leftover of any tool, whichever way they are given."""

import base64
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipelines.archive.archive import Member, write_archive
from pipelines.archive.encryption import ENCRYPTED_MAGIC, Key
from tests.counting.start_riva import StartRiva
from tests.nemo_checkpoints import write_nemo
from tests.tones.archive import MODEL_CONFIG, OBJ_CLS, facts, tone_network

KEY = "marked-key-4711-that-nobody-may-see"
MARKS = (KEY.encode(), KEY.encode().hex().encode(), base64.b64encode(KEY.encode())[:40])
OTHER = "marked-key-4711-that-nobody-may-see-either"
ROOT = Path(__file__).parents[2]
NEMO2RIVA = "from tests.killed.subjects import stand_in_for_nemo; stand_in_for_nemo(); " + (
    "import sys; from pipelines.cli.nemo2riva import main; sys.exit(main())"
)

Run = Callable[..., int]


@pytest.fixture(params=["literal", "file", "environment"])
def suffix(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What follows the name of an archive; empty where the key is in the environment."""
    if request.param == "literal":
        return f":{KEY}"
    place = tmp_path / "safe" / "key"
    place.parent.mkdir()
    place.write_text(KEY + "\n")
    if request.param == "file":
        return f":{place}"
    monkeypatch.setenv("RIVA_KEY_FILE", str(place))
    return ""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which everything is written, temporary files among it."""
    work = tmp_path / "work"
    (work / "tmp").mkdir(parents=True)
    monkeypatch.chdir(work)
    monkeypatch.setenv("TMPDIR", str(work / "tmp"))
    config = yaml.safe_dump(MODEL_CONFIG, allow_unicode=True).encode()
    write_archive(
        work / "in.riva",
        {"metadata": {"obj_cls": OBJ_CLS}, "riva_ci": facts(tone_network())},
        [
            Member("model_graph.onnx", tone_network().SerializeToString(), encrypt=True),
            Member("model_config.yaml", config),
        ],
        key=Key(KEY.encode()),
    )
    write_nemo(work / "in.nemo")
    return work


@pytest.fixture
def run(work: Path) -> Run:
    """Runs a tool; what it says is written to a file beside what it makes."""

    def call(tool: str, *arguments: str) -> int:
        start = ["-c", NEMO2RIVA] if tool == "nemo2riva" else ["-m", f"pipelines.cli.{tool}"]
        log = work / f"{len([*work.glob('*.log')])}-{tool}.log"
        with log.open("wb") as file:
            environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1"}
            command = [sys.executable, *start, *arguments]
            return subprocess.run(command, stdout=file, stderr=file, env=environment, check=False).returncode

    return call


def leaks(work: Path) -> list[str]:
    return [
        f"{path.relative_to(work)} holds {mark!r}"
        for path in work.rglob("*")
        for mark in MARKS
        if mark in os.fsencode(path.name) or (path.is_file() and mark in path.read_bytes())
    ]


@pytest.mark.full
def test_a_whole_run_shows_no_key(work: Path, run: Run, suffix: str) -> None:
    """Every tool with the right key; what it writes and says is searched whole."""
    key = [f"--key={suffix[1:]}"] if suffix else []
    assert run("nemo2riva", "--out=out.riva", "in.nemo", *key) == 0
    build = ("speech_recognition", f"out.rmir{suffix}", f"in.riva{suffix}", "--language_code=en-US")
    assert run("riva_build", *build) == 0
    assert run("riva_deploy", f"out.rmir{suffix}", "models") == 0
    for action in ("show", "verify"):
        assert run("riva_archive", action, f"out.riva{suffix}", f"out.rmir{suffix}", f"in.riva{suffix}") == 0

    assert (work / "out.rmir").read_bytes().startswith(ENCRYPTED_MAGIC)
    assert ENCRYPTED_MAGIC in (work / "out.riva").read_bytes()
    assert leaks(work) == []


@pytest.mark.full
def test_errors_show_no_key(work: Path, run: Run, suffix: str) -> None:
    """Wrong calls, wrong keys, damaged files, and faults with their tracebacks."""
    given = suffix or f":{KEY}"
    build = ("speech_recognition", "--language_code=en-US", "--verbose")
    assert run("riva_build", *build, f"out.rmir{given}", f"gone.riva{given}") == 13
    assert run("riva_build", *build, f"out.rmir{given}", f"in.riva:{OTHER}") == 12
    assert run("riva_build", f"out.rmir{given}", f"in.riva{given}") == 64
    assert run("riva_build", "speech_recognition", f"out.rmir{given}", f"in.riva{given}", "--laguage_code=x") == 64
    assert run("riva_build", *build, f"/proc/out.rmir{given}", f"in.riva{given}") == 22
    assert run("riva_build", *build, f"out.rmir{given}", f"in.riva{given}") == 0
    whole = (work / "out.rmir").read_bytes()
    (work / "out.rmir").write_bytes(whole[:-100])
    assert run("riva_deploy", "--verbose", f"out.rmir{given}", "models") == 11
    (work / "out.rmir").write_bytes(whole[:-100] + bytes(100))
    assert run("riva_deploy", "--verbose", f"out.rmir{given}", "models") == 14
    assert run("riva_deploy", "--verbose", f"out.rmir:{OTHER}", "models") == 12
    assert run("riva_deploy", f"out.rmir{given}") == 64
    assert run("riva_archive", "look", f"out.rmir{given}") == 64
    assert run("riva_archive", "diff", f"out.rmir{given}") == 14
    assert run("nemo2riva", "--verbose=DEBUG", "gone.nemo", f"--key={given[1:]}") == 13
    assert run("nemo2riva", "in.nemo", f"--kee={given[1:]}") == 64

    assert leaks(work) == []


@pytest.mark.full
@pytest.mark.triton
def test_serving_shows_no_key(work: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """start-riva and Triton load what was deployed from an encrypted RMIR; their logs and files are searched too."""
    (tmp_path / "key").write_text(KEY)
    monkeypatch.setenv("RIVA_KEY_FILE", str(tmp_path / "key"))
    assert run("riva_build", "speech_recognition", "out.rmir", "in.riva", "--language_code=en-US") == 0
    assert run("riva_deploy", "out.rmir", "models") == 0

    server = StartRiva("--riva-uri=127.0.0.1:0", f"--model-repository={work / 'models'}", "--metrics-port=0")
    try:
        assert server.address
    finally:
        server.stop()
    (work / "start-riva.log").write_text(server.output)

    assert "Server listening" in server.output
    assert leaks(work) == []


def test_a_leak_would_be_found(work: Path) -> None:
    """In a file, in the name of a folder, in another spelling."""
    (work / "a").write_bytes(b"..." + KEY.encode().hex().encode())
    (work / f"models:{KEY}").mkdir()

    assert len(leaks(work)) == 2
