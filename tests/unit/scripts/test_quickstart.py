"""The Quick Start scripts without an engine: what they refuse, and what they ask Docker for, word by word.

`docker` is a recorder here. That the same commands work on an engine is proved in tests/integration/container.
"""

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.quickstart.scripts import SCRIPTS, QuickStart

ALL = ["riva_init.sh", "riva_start.sh", "riva_stop.sh", "riva_clean.sh", "riva_start_client.sh"]
VERSION = {"to": ["version"], "out": "27.3.1"}
RMIRS = {"to": ["--entrypoint", "-c"], "out": "/data/rmir/a.rmir"}
MISSING = {"to": ["image", "inspect"], "code": 1}
STOPPED = {"to": ["inspect", "--type"], "out": "false"}
KEY = "nvapi-a-key-that-nobody-may-see"


class Recorded(QuickStart):
    """The scripts in front of a `docker` that answers as it is told."""

    def __init__(self, folder: Path, *answers: dict[str, Any], **settings: str) -> None:
        place = folder / "bin"
        place.mkdir()
        program = Path(__file__).with_name("docker").read_text()
        (place / "docker").write_text(program.replace("/usr/bin/env python3", sys.executable))
        (place / "docker").chmod(0o755)
        (folder / "answers.json").write_text(json.dumps([*answers, VERSION]))
        self.notes = folder / "calls.jsonl"
        environment = {"PATH": f"{place}:{os.environ['PATH']}", "DOCKER_NOTES": str(folder)}
        super().__init__(folder, environment, **settings)

    def calls(self, *words: str) -> list[dict[str, Any]]:
        """The calls that have all these words."""
        calls = [json.loads(line) for line in self.notes.read_text().splitlines()]
        return [call for call in calls if set(words) <= set(call["words"])]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "a folder"
    path.mkdir()
    return path


def without_label(words: list[str]) -> list[str]:
    """The label tells runs apart, and is another each time."""
    place = words.index("--label")
    return words[:place] + words[place + 2 :]


@pytest.mark.parametrize("script", ALL)
def test_every_script_needs_docker(folder: Path, script: str) -> None:
    """Without `docker`, or with one older than 19.03, each says so and ends with 1."""
    tools = folder / "tools"
    tools.mkdir()
    for tool in ("basename", "dirname", "grep", "mktemp", "rm", "tail"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    bash = shutil.which("bash") or "bash"
    missing = QuickStart(folder, {"PATH": str(tools)})
    missing.command = lambda script, *arguments: [bash, str(SCRIPTS / script)]  # type: ignore[method-assign]
    done = missing(script)

    assert done.returncode == 1
    assert done.stdout.startswith("Unable to run Docker. Please check that Docker is installed and functioning.\n")
    assert "docker: command not found" in done.stdout

    old = Recorded(folder, {"to": ["version"], "out": "18.09.9"})(script)
    assert (old.returncode, old.stdout.splitlines()[0]) == (
        1,
        "Docker version insufficient. Please use Docker 19.03 or later",
    )


@pytest.mark.parametrize("script", ALL)
@pytest.mark.parametrize("option", [[], ["-c"]], ids=["argument", "-c"])
def test_a_configuration_that_is_not_there(folder: Path, script: str, option: list[str]) -> None:
    """The first argument names the configuration file, with or without the `-c` of which the message speaks."""
    scripts = Recorded(folder)
    scripts.command = lambda name, *arguments: ["bash", str(SCRIPTS / name), *arguments]  # type: ignore[method-assign]
    done = scripts(script, *option, "/nowhere/config.sh")

    assert done.returncode == 1
    assert done.stdout.startswith("Unable to load configuration file. Override path to file with -c argument.\n")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"asr_language_code": "()"}, "Error: please select a ASR language"),
        ({"tts_language_code": "()"}, "Error: please select a TTS language"),
        ({"asr_language_code": '("de-DE")'}, "Error: NLP not supported for languages other than English"),
        ({"asr_acoustic_model": '("whisper")'}, "Unknown ASR model 'whisper'"),
        ({"tts_language_code": '("xx-XX")'}, "Unknown TTS language 'xx-XX'"),
        ({"riva_model_loc": '"./models"'}, "riva_model_loc='./models' is neither"),
        ({"riva_model_loc": '"/a:b"'}, "riva_model_loc='/a:b' is neither"),
    ],
)
def test_settings_that_cannot_be_meant(folder: Path, settings: dict[str, str], message: str) -> None:
    """They are refused before anything is pulled, in the words of the originals where these have some."""
    scripts = Recorded(folder, **settings)
    done = scripts("riva_init.sh")

    assert done.returncode == 1
    assert done.stdout.startswith(message)
    assert scripts.calls("pull") == []


def test_init_asks_docker_for_what_the_originals_ask(folder: Path) -> None:
    """Login, pull, download and deploy as on a data center machine with a GPU; keys are on no command line."""
    scripts = Recorded(folder, RMIRS, MISSING, STOPPED)
    scripts.environment["NGC_API_KEY"] = KEY
    done = scripts("riva_init.sh")

    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("Riva initialization complete. Run ./riva_start.sh to launch services.\n")
    assert not any(KEY in " ".join(call["words"]) or "tlt_encode" in call["words"] for call in scripts.calls())
    (login,) = scripts.calls("login")
    assert login["words"] == ["login", "--username", "$oauthtoken", "--password-stdin", "nvcr.io"]
    assert login["input"] == KEY + "\n"
    image = "nvcr.io/nvidia/riva/riva-speech:2.19.0"
    start = ["run", "--init", "--rm", "--name", "riva-service-maker", "-v", "riva-model-repo:/data"]
    download, deploy = scripts.calls("riva-service-maker", "--init")
    assert without_label(download["words"])[: len(start)] == start
    assert without_label(download["words"])[len(start) :] == [
        *["--gpus", '"device=0"', "-e", "NGC_CLI_API_KEY", "-e", "NGC_CLI_ORG=nvidia", image, "download_ngc_models"],
        "nvidia/riva/rmir_asr_conformer_en_us_str:2.19.0",
        "nvidia/riva/rmir_asr_conformer_en_us_ofl:2.19.0",
        "nvidia/riva/rmir_nlp_punctuation_bert_base_en_us:2.19.0",
        "nvidia/riva/rmir_tts_fastpitch_hifigan_en_us_ipa:2.19.0",
    ]
    assert download["environment"] == {"NGC_CLI_API_KEY": KEY}
    assert without_label(deploy["words"]) == [
        *start,
        *["--gpus", '"device=0"', "-e", "MODEL_DEPLOY_KEY", image, "deploy_all_models", "/data/rmir", "/data/models"],
    ]
    assert deploy["environment"] == {"MODEL_DEPLOY_KEY": "tlt_encode"}


def test_init_on_jetson(folder: Path) -> None:
    """Images and models of the platform; finished models are unpacked, RMIRs are not needed."""
    (folder / "model_repository" / "prebuilt").mkdir(parents=True)
    (folder / "model_repository" / "prebuilt" / "a.tar.gz").write_bytes(b"models")
    scripts = Recorded(folder, MISSING, STOPPED, riva_target_gpu_family='"tegra"')
    scripts.environment["NGC_API_KEY"] = KEY
    done = scripts("riva_init.sh")

    assert done.returncode == 0, done.stdout
    (download,) = scripts.calls("riva-models-download", "run")
    (extract,) = scripts.calls("riva-models-extract", "run")
    assert "nvcr.io/nvidia/riva/riva-speech:2.19.0-l4t-aarch64" in download["words"]
    assert "nvidia/riva/models_asr_conformer_en_us_str:2.19.0-tegra-orin" in download["words"]
    assert "nvidia/riva/rmir_asr_conformer_en_us_ofl:2.19.0" in download["words"]
    assert f"{folder}/model_repository:/data" in extract["words"]
    assert scripts.calls("deploy_all_models") == []


def test_a_wrong_ngc_key(folder: Path) -> None:
    """It is taken from NGC's own file where the environment has none; the script ends before it pulls."""
    (folder / ".ngc").mkdir()
    (folder / ".ngc" / "config").write_text(f"[CURRENT]\napikey = {KEY}\n")
    scripts = Recorded(folder, {"to": ["login"], "err": "unauthorized", "code": 1})
    done = scripts("riva_init.sh")

    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == [
        "NGC API Key is invalid. Please check and try again.",
        "  unauthorized",
    ]
    assert scripts.calls("login")[0]["input"] == KEY + "\n"
    assert scripts.calls("pull") == []


def test_an_image_that_cannot_be_pulled(folder: Path) -> None:
    """Three attempts in silence, then one that shows why."""
    scripts = Recorded(
        folder,
        MISSING,
        {"to": ["pull"], "err": "manifest unknown", "code": 1},
        use_existing_rmirs="true",
        riva_image_prefix='"registry.example.com/riva"',
    )
    done = scripts("riva_init.sh")

    assert done.returncode == 1
    assert re.findall("^  > .*|^Error.*|^manifest.*|^Exiting.*", done.stdout, re.MULTILINE) == [
        "  > Pulling registry.example.com/riva/riva-speech:2.19.0. This may take some time...",
        "  > Attempt 1 out of 3 failed",
        "  > Trying again...",
        "  > Attempt 2 out of 3 failed",
        "  > Trying again...",
        "  > Attempt 3 out of 3 failed",
        "Error occurred pulling 'registry.example.com/riva/riva-speech:2.19.0'.",
        "manifest unknown",
        "Exiting.",
    ]
    assert len(scripts.calls("pull")) == 4
    assert scripts.calls("login") == []


def test_start_asks_docker_for_what_the_originals_ask(folder: Path) -> None:
    """The server's container as on a data center machine, with TLS, mutual authentication and a plugin."""
    for name in ("server.crt", "server.key", "root.crt"):
        (folder / name).touch()
    scripts = Recorded(
        folder,
        {"to": ["--entrypoint", "-c"], "out": "/data/models/a/config.pbtxt\n/data/plugins/a.so\n/data/plugins/b.so"},
        {"to": ["inspect", "--type"], "after": '"-d"', "out": "true"},
        ssl_server_cert=f'"{folder}/server.crt"',
        ssl_server_key=f'"{folder}/server.key"',
        ssl_root_cert=f'"{folder}/root.crt"',
        ssl_use_mutual_auth="true",
    )
    done = scripts("riva_start.sh")

    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[0] == (
        "Starting Riva Speech Services. This may take several minutes depending on the number of models deployed."
    )
    assert done.stdout.splitlines()[-1] == "Riva server is ready..."
    (start,) = scripts.calls("run", "-d")
    assert without_label(start["words"]) == [
        *["run", "-d", "--init", "--ipc=host", "--gpus", '"device=0"', "-p", "50051:50051"],
        *["-e", "LD_PRELOAD=/data/plugins/a.so:/data/plugins/b.so"],
        *["-e", "RIVA_API_KEY", "-e", "RIVA_API_NGC_ORG", "-e", "RIVA_EULA", "-v", "riva-model-repo:/data"],
        *["-v", f"{folder}/server.crt:/ssl/server.crt:ro", "-v", f"{folder}/server.key:/ssl/server.key:ro"],
        *["-v", f"{folder}/root.crt:/ssl/root_server.crt:ro"],
        *["--ulimit", "memlock=-1", "--ulimit", "stack=67108864", "--name", "riva-speech"],
        *["-p", "8000", "-p", "8001", "-p", "8002", "-p", "50000:50000", "-e", "RIVA_SERVER_HTTP_PORT=50000"],
        *["nvcr.io/nvidia/riva/riva-speech:2.19.0", "start-riva", "--riva-uri=0.0.0.0:50051"],
        *["--asr_service=true", "--tts_service=true", "--nlp_service=true"],
        *["--use_ssl", "--ssl_server_cert", "/ssl/server.crt", "--ssl_server_key", "/ssl/server.key"],
        *["--ssl_root_cert", "/ssl/root_server.crt", "--ssl_use_mutual_auth"],
    ]
    assert scripts.calls("exec")[0]["words"] == [
        *["exec", "riva-speech", "/bin/grpc_health_probe", "-addr=:50051", "-tls"],
        *["-tls-client-cert", "/ssl/server.crt", "-tls-client-key", "/ssl/server.key", "-tls-no-verify"],
    ]


def test_start_on_jetson(folder: Path) -> None:
    """Fixed ports and the devices for sound; a shell opens in the container unless `-s` is given."""
    scripts = Recorded(
        folder, {"to": ["inspect", "--type"], "after": '"-d"', "out": "true"}, riva_target_gpu_family='"tegra"'
    )
    (folder / "model_repository" / "models" / "a").mkdir(parents=True)
    (folder / "model_repository" / "models" / "a" / "config.pbtxt").write_text("a model")
    quiet, shell = scripts("riva_start.sh", "-s"), scripts("riva_start.sh")

    assert quiet.returncode == shell.returncode == 0, quiet.stdout + shell.stdout
    words = " ".join(scripts.calls("run", "-d")[0]["words"])
    assert "-p 8000:8000 -p 8001:8001 -p 8002:8002 -p 8888:8888 --device /dev/bus/usb --device /dev/snd" in words
    assert "Use this container terminal to run applications:" not in quiet.stdout
    assert "Riva Speech already running. Skipping..." in shell.stdout
    assert shell.stdout.splitlines()[-1] == "Use this container terminal to run applications:"
    assert [call["words"] for call in scripts.calls("-it")] == [["exec", "-it", "riva-speech", "/bin/bash"]]


@pytest.mark.parametrize(
    ("said", "runtimes", "expected"),
    [
        ('could not select device driver "" with capabilities: [[gpu]]', "runc", []),
        ('could not select device driver "" with capabilities: [[gpu]]', "nvidia\nrunc", ["--runtime=nvidia"]),
        ('exec: "/nothing": stat /nothing: no such file or directory', "runc", ["--gpus"]),
        ("nvidia-container-cli: initialization error: nvml error: driver not loaded", "nvidia\nrunc", ["--gpus"]),
    ],
    ids=["no GPU", "runtime only", "GPU", "broken driver"],
)
def test_what_an_engine_is_asked_for(folder: Path, said: str, runtimes: str, expected: list[str]) -> None:
    """An engine without GPUs for none, or in the other way that it has; one with a broken GPU is not one without."""
    probe = {"to": ["--gpus", "/nothing"], "err": said, "code": 125}
    scripts = Recorded(folder, probe, {"to": ["info"], "out": runtimes}, RMIRS, STOPPED, use_existing_rmirs="true")
    scripts.environment["NGC_API_KEY"] = KEY
    done = scripts("riva_init.sh")

    assert done.returncode == 0, done.stdout
    (deploy,) = scripts.calls("deploy_all_models")
    assert [word for word in deploy["words"] if word.startswith(("--gpus", "--runtime"))] == expected
    assert ("note: this engine" in done.stdout) == (expected != ["--gpus"])
