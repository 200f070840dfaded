"""`riva-build` as it is typed."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.archive.archive import Archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.cli.flags import flags_of
from pipelines.cli.riva_build import main
from pipelines.registry import ALL_PIPELINES
from pipelines.speech_recognition.options import SpeechRecognitionOptions

HEAVY = ("torch", "nemo", "onnx", "onnxruntime", "tritonclient", "grpc", "av", "numpy", "cryptography", "langcodes")
PIPELINE_MISSING, USAGE, EXISTS = 38, 64, 20


@pytest.fixture
def build(make_riva, tmp_path, monkeypatch):
    """Runs riva-build on a small `.riva` in an empty folder; `{out}` and `{riva}` stand for the files."""
    make_riva()
    monkeypatch.chdir(tmp_path)

    def run(command):
        return main(command.format(out="out.rmir", riva="model.riva").split())

    return run


@pytest.mark.parametrize(
    "command",
    [
        "speech_recognition {out} {riva} --language_code=en-US",
        "speech_recognition --language_code en-US {out} {riva}",
        "speech_recognition {out} --language_code en-US {riva} --offline",
        "speech_recognition --offline {out} {riva} --language_code=en-US",
        "speech_recognition -f {out} {riva} --language_code=en-US",
        "speech_recognition {out} {riva} --language_code=en-US --force",
        "-f speech_recognition {out} {riva} --language_code=en-US",
    ],
)
def test_options_may_stand_anywhere(build, command, capsys):
    """Pipeline first among the words; options and -f before, between or after."""
    assert build(command) == 0
    assert "RMIR saved to out.rmir" in capsys.readouterr().out


@pytest.mark.parametrize("force", ["-f", "--force", "--force=True"])
@pytest.mark.parametrize(
    "command", ["speech_recognition {force} {{out}} {{riva}}", "speech_recognition {{out}} {{riva}} {force}"]
)
def test_nothing_is_overwritten_without_force(build, capsys, command, force):
    """An existing RMIR is refused with its own exit code, and replaced with -f in either place."""
    Path("out.rmir").write_bytes(b"precious")

    assert build("speech_recognition {out} {riva} --language_code=en-US") == EXISTS
    assert "out.rmir exists" in capsys.readouterr().err
    assert Path("out.rmir").read_bytes() == b"precious"
    assert build(command.format(force=force) + " --language_code=en-US") == 0
    assert Path("out.rmir").read_bytes() != b"precious"


def test_keys_follow_the_colon(build):
    """OUT.rmir:key encrypts the RMIR, and the key opens it."""
    assert build("speech_recognition {out}:secret {riva}:unused --language_code=en-US") == 0

    with Archive.open(EncryptedPath.parse("out.rmir:secret")) as rmir:
        assert rmir.manifest["name"] == "riva-asr"


@pytest.mark.parametrize("pipeline", [name for name, room in ALL_PIPELINES.items() if room is None])
@pytest.mark.parametrize("rest", ["{out} {riva}", "-h"])
def test_a_pipeline_without_a_room_ends_in_one_clear_line(build, capsys, pipeline, rest):
    """The other seven say so, with their own exit code."""
    assert build(f"{pipeline} {rest}") == PIPELINE_MISSING
    assert f"error: pipeline {pipeline} cannot be built here yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("", USAGE, "PIPELINE"),
        ("speech_recognitoin {out} {riva}", USAGE, "did you mean speech_recognition?"),
        ("speech_recognition", USAGE, "OUT.rmir"),
        ("speech_recognition {out}", USAGE, "IN.riva"),
        ("speech_recognition {out} {riva}", USAGE, "--language_code is missing"),
        ("speech_recognition {out} {riva} --decoder_typ=greedy", USAGE, "did you mean --decoder_type?"),
        ("speech_recognition {out} {riva} --language_code=en-US --chunk_size=0.1", USAGE, "0.08 or 0.12"),
        ("speech_recognition {out} nowhere.riva --language_code=en-US", 13, "nowhere.riva"),
        ("speech_recognition {out} {riva} {riva} --language_code=en-US", USAGE, "got 2"),
    ],
)
def test_bad_calls_are_explained(build, capsys, command, code, words):
    """A call that cannot be understood exits 64 with a message, not a traceback, and writes nothing."""
    assert build(command) == code

    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert not Path("out.rmir").exists()


def test_verbose_shows_the_traceback(build, capsys):
    """--verbose adds where an error came from."""
    assert build("speech_recognition {out} nowhere.riva --language_code=en-US --verbose") == 13
    assert "Traceback" in capsys.readouterr().err


def test_options_without_effect_are_noted_and_refusals_foretold(build, capsys):
    """The build says what deploy will ignore and what it will refuse, and still writes the RMIR."""
    assert build("speech_recognition {out} {riva} --language_code=en-US --nn.use_trt_fp32 --decoder_type=os2s") == 0

    said = capsys.readouterr().err
    assert "note: --nn.use_trt_fp32=True has no effect here" in said
    assert "warning: riva-deploy will refuse this RMIR: --decoder_type=os2s" in said
    assert "--decoder_type=greedy" in said


def test_print_config_says_each_value_and_its_source(build, capsys):
    """--print-config lists every option with its value and where it comes from, and writes nothing."""
    assert build("speech_recognition {out} {riva} --language_code=en-US --offline --print-config") == 0

    rows = {line.split("  ")[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()}
    assert rows["--language_code=en-US"] == "user"
    assert rows["--offline=True"] == "user"
    assert rows["--chunk_size=30"] == "derived"
    assert rows["--ms_per_timestep=40"] == "derived"
    assert rows["--decoder_type=greedy"] == "default"
    assert len(rows) == len(flags_of(SpeechRecognitionOptions))
    assert not Path("out.rmir").exists()


def test_help_lists_the_eight_pipelines(capsys):
    """`riva-build -h` names all pipelines."""
    with pytest.raises(SystemExit) as caught:
        main(["-h"])

    said = " ".join(capsys.readouterr().out.split())
    assert caught.value.code == 0
    assert all(name in said for name in ALL_PIPELINES)


@pytest.mark.parametrize("arguments", [["-h"], ["speech_recognition", "-h"]], ids=" ".join)
def test_help_imports_nothing_heavy(arguments):
    """Help answers at once: none of the heavy packages is loaded."""
    script = (
        "import sys\n"
        "from pipelines.cli.riva_build import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        f"print('heavy:', *[name for name in {HEAVY!r} if name in sys.modules])"
    )

    ran = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)

    assert ran.stdout.splitlines()[-1] == "heavy:"


def test_keys_are_warned_of_and_never_shown(build, capsys):
    """A typed key, a public one, and an RMIR that loses the protection its input came with."""
    assert build("speech_recognition {out} {riva}:hunter2 --language_code=en-US") == 0
    said = capsys.readouterr().err
    assert said.count("process lists") == 1
    assert "out.rmir is not encrypted, although model.riva came with a key" in said

    assert build("speech_recognition -f {out}:tlt_encode {riva}:tlt_encode --language_code=en-US") == 0
    said += capsys.readouterr().err
    assert said.count("protects nothing") == 1
    assert said.count("process lists") == 1

    assert build("{out}:hunter2 {riva}:hunter2") == USAGE
    said += capsys.readouterr().err
    assert "no pipeline 'out.rmir:(key)'" in said
    assert "hunter2" not in said
