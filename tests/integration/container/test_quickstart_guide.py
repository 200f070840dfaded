"""The guide's commands, typed at a terminal as a reader types them: `guide.yaml`, from the top to the bottom."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import riva.client
import yaml

from tests.quickstart.installation import docker
from tests.quickstart.terminal import Terminal
from tests.tones import archive as tones

pytestmark = [pytest.mark.container, pytest.mark.full]

COMMANDS = yaml.safe_load(Path(__file__).with_name("guide.yaml").read_text())
SECTIONS = ["Riva Build", "Riva Deploy", "Using riva-deploy and Riva Speech Container"]
IMAGE = "riva-ci/riva-speech:2.19.0"
PROMPT = r"[#$] $"
DATA = Path("/data")  # the guide's own folder of the machine


@pytest.fixture
def filled_in(tmp_path: Path) -> dict[str, str]:
    """What the reader puts in place of the angle brackets."""
    tones.write_riva(tmp_path / "tones.riva")
    for grammar in ("tokenize.far", "verbalize.far"):
        (tmp_path / grammar).write_bytes(b"a grammar")
    return {
        "artifact_dir": str(tmp_path),
        "riva_repo_dir": str(DATA),
        "riva_filename": "tones.riva",
        "rmir_filename": "tones.rmir",
        "encryption_key": "tlt_encode",
        "pipeline_name": "tones",
        "pipeline": "speech_recognition",
        "optional_args": "--name=tones --language_code=en-US",
        "wfst_tokenizer_model": "/servicemaker-dev/tokenize.far",
        "wfst_verbalizer_model": "/servicemaker-dev/verbalize.far",
    }


@pytest.fixture
def machine() -> Iterator[None]:
    """A machine on which nobody uses what the guide names: /data, port 50051 and the container riva-speech."""
    assert not DATA.exists(), f"the guide puts models into {DATA}, and this machine has something there"
    assert docker("ps", "-aq", "--filter", "name=^riva-speech$") == "", "there is a container named riva-speech"
    yield
    subprocess.run(["docker", "rm", "-f", "riva-speech"], capture_output=True, check=False)
    # docker has made the folder, so it may be root's
    docker("run", "--rm", "-v", "/:/host", "--entrypoint", "/bin/rm", IMAGE, "-r", "/host/data")


@pytest.fixture
def has_gpu() -> bool:
    probe = ["docker", "run", "--rm", "--gpus", "all", "--entrypoint", "/bin/true", IMAGE]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def spoken(command: str, filled_in: dict[str, str], *, has_gpu: bool) -> str:
    """The command as it is typed."""
    command = re.sub(r"nvcr\.io/nvidia/riva/riva-speech:[0-9.]+", IMAGE, command)
    if not has_gpu:
        command = re.sub(r"--gpus \S+ ", "", command)
    return re.sub(r"<(\w+)>", lambda word: filled_in[word[1]], command)


def test_every_section_is_there() -> None:
    """The sections are those that the project promises, each command says where it stands, and images are NVIDIA's."""
    assert [section for section in SECTIONS if section not in {command["section"] for command in COMMANDS}] == []
    assert all(command["source"].startswith("https://docs.nvidia.com/") for command in COMMANDS)
    assert {command["evidence"] for command in COMMANDS} == {"seen", "copied", "composed"}


def test_the_guide(filled_in: dict[str, str], has_gpu: bool, machine: None) -> None:
    """Each command ends as it should and says what it should; at the end a client hears the model that was built."""
    environment = {**os.environ, "PS1": "$ "}
    with Terminal(["bash", "--norc", "-i"], environment, Path(filled_in["artifact_dir"])) as terminal:
        terminal.wait_for(PROMPT)
        inside = False
        for command in COMMANDS:
            if inside and command["at"] == "host":
                terminal.type("exit\n")
                terminal.wait_for(PROMPT)
                inside = False
            terminal.type(spoken(command["type"], filled_in, has_gpu=has_gpu))
            if command.get("opens") == "container":
                terminal.wait_for(r"\w+@\w+:/servicemaker-dev" + PROMPT)
                inside = True
                continue
            if says := command.get("says"):
                _until_said(terminal, says, again=command["type"] if command["at"] == "host" else None)
            terminal.wait_for(PROMPT)
            terminal.type("echo ended with $?\n")
            assert int(terminal.wait_for(r"ended with (\d+)\n")[1]) == command.get("ends", 0), terminal.said
            terminal.wait_for(PROMPT)

    auth = riva.client.Auth(uri="localhost:50051")
    models = riva.client.ASRService(auth).stub.GetRivaSpeechRecognitionConfig(
        riva.client.proto.riva_asr_pb2.RivaSpeechRecognitionConfigRequest()
    )
    auth.channel.close()
    assert [model.model_name for model in models.model_config] == ["tones"]


def _until_said(terminal: Terminal, words: str, *, again: str | None) -> None:
    """Waits for the words; a command that only looks is repeated, as its reader would."""
    if again is None:
        terminal.wait_for(re.escape(words))
        return
    for _ in range(30):
        looked = terminal.wait_for(rf"{re.escape(words)}|{PROMPT}")
        if looked[0] == words:
            return
        terminal.type(f"sleep 1; {again}")
    raise AssertionError(terminal.said)
