"""What the Quick Start scripts do when something goes wrong on a real engine: message, exit code, nothing left behind.

The image is a stand-in, in which each failure can be had at will; test_quickstart.py beside this has the real ones.
"""

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.quickstart import stand_in
from tests.quickstart.installation import Installation, docker
from tests.quickstart.terminal import Terminal

pytestmark = [pytest.mark.container, pytest.mark.full]

Make = Callable[..., Installation]
INTERRUPTED = "Interrupted; what was running is stopped. Run the script again to go on."


@pytest.fixture(scope="module")
def prefix() -> Iterator[str]:
    """The repository of the stand-in's names."""
    prefix = f"riva-ci-test-{secrets.token_hex(4)}"
    names = [f"{prefix}/riva-speech:2.19.0", f"{prefix}/riva-speech:2.19.0-servicemaker"]
    stand_in.load(*names)
    yield prefix
    for name in names:
        subprocess.run(["docker", "rmi", "-f", name], capture_output=True, check=False)


@pytest.fixture
def make(tmp_path: Path, prefix: str) -> Iterator[Make]:
    """Makes an installation with RMIRs and models of the given kinds."""
    made: list[Installation] = []

    def make(rmir: str | None = None, model: str | None = None, **settings: Any) -> Installation:
        folder = tmp_path / f"installation {len(made)}"
        folder.mkdir()
        made.append(scripts := Installation(folder, settings.pop("prefix", prefix), **settings))
        if rmir is not None:
            (scripts.models / "rmir").mkdir(parents=True)
            (scripts.models / "rmir" / "a model.rmir").write_text(rmir)
        if model is not None:
            (scripts.models / "models" / "model").mkdir(parents=True)
            (scripts.models / "models" / "model" / "config.pbtxt").write_text(model)
        return scripts

    yield make
    for scripts in made:
        scripts.remove()


def started(scripts: Installation, script: str) -> subprocess.Popen[str]:
    """A script that runs without a terminal, as in CI."""
    return subprocess.Popen(
        scripts.command(script),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=scripts.environment,
        cwd=scripts.config.parent,
        start_new_session=True,
    )


def appears(what: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


def test_every_step_and_every_step_again(make: Make) -> None:
    """Each script says the same when it is run a second time, and has nothing left to do."""
    scripts = make(rmir="good")
    said = [(scripts("riva_init.sh"), scripts("riva_init.sh")), (scripts("riva_start.sh"), scripts("riva_start.sh"))]
    running = scripts.containers(running=True)
    said += [(scripts("riva_stop.sh"), scripts("riva_stop.sh"))]

    assert [[done.returncode for done in pair] for pair in said] == [[0, 0]] * 3, said
    for pair in said:
        assert pair[0].stdout.splitlines()[-1] == pair[1].stdout.splitlines()[-1]
    assert "Riva Speech already running. Skipping..." in said[1][1].stdout
    assert running == [scripts.server]
    assert scripts.containers(running=True) == []

    refused = scripts("riva_clean.sh")
    assert (refused.returncode, refused.stdout.count("Skipping...")) == (0, 3)
    assert scripts.containers() == []
    assert (scripts.models / "models" / "model").exists()
    (scripts.models / "notes.txt").touch()
    cleaned = scripts("riva_clean.sh", said="n\nn\ny\n")
    assert f"Found models at '{scripts.models}'. Delete? [y/N] y" in cleaned.stdout
    assert [path.name for path in scripts.models.iterdir()] == ["notes.txt"]


def test_a_corrupt_rmir_leaves_the_old_models(make: Make) -> None:
    """What serves is not touched by what cannot be deployed."""
    scripts = make(rmir="corrupt", model="good")
    done = scripts("riva_init.sh")

    assert done.returncode == 1
    assert "a model.rmir: not an archive" in done.stdout
    assert done.stdout.splitlines()[-1] == "Error in deploying RMIR models."
    assert scripts.containers() == []
    assert (scripts.models / "models" / "model" / "config.pbtxt").read_text() == "good"


def test_a_wrong_deploy_key(make: Make) -> None:
    """The tool's own message stands above that of the script."""
    scripts = make(rmir="good", MODEL_DEPLOY_KEY="wrong")
    done = scripts("riva_init.sh")

    assert (done.returncode, done.stdout.splitlines()[-2:]) == (
        1,
        ["error: the key is wrong", "Error in deploying RMIR models."],
    )
    assert not (scripts.models / "models").exists()


@pytest.mark.parametrize(("key", "code"), [("right", 0), ("wrong", 1)])
def test_models_of_ngc(make: Make, key: str, code: int) -> None:
    """They are downloaded and deployed; with a wrong key nothing is."""
    scripts = make(use_existing_rmirs="false")
    scripts.environment["NGC_API_KEY"] = key
    done = scripts("riva_init.sh")

    assert done.returncode == code, done.stdout
    assert ("Error in downloading models." in done.stdout) == (code == 1)
    assert (scripts.models / "models").exists() == (code == 0)
    assert len([*(scripts.models / "rmir").glob("*.rmir")]) == (4 if code == 0 else 0)


def test_without_rmirs_there_is_nothing_to_deploy(make: Make) -> None:
    """The message says where they belong."""
    scripts = make()
    done = scripts("riva_init.sh")

    assert done.returncode == 1
    assert f"There is no RMIR in {scripts.models}/rmir." in done.stdout


def test_a_container_that_is_killed_while_it_deploys(make: Make) -> None:
    """As by the kernel when memory is short: the script says what failed, and the old models are whole."""
    scripts = make(rmir="slow", model="good")
    with started(scripts, "riva_init.sh") as process:
        appears(lambda: scripts.containers(running=True) and (scripts.models / "models.part").exists())
        docker("kill", f"{scripts.token}-service-maker")
        said, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert said.splitlines()[-1] == "Error in deploying RMIR models."
    assert scripts.containers() == []
    assert (scripts.models / "models" / "model" / "config.pbtxt").read_text() == "good"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_it_deploys(make: Make, number: signal.Signals) -> None:
    """Without a terminal, the script's signal ends the container; the same command then goes on."""
    scripts = make(rmir="slow")
    with started(scripts, "riva_init.sh") as process:
        appears(lambda: scripts.containers(running=True) and (scripts.models / "models.part").exists())
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)

    assert (process.returncode, said.splitlines()[-1]) == (128 + number, INTERRUPTED)
    assert scripts.containers() == []
    assert not (scripts.models / "models").exists()
    (scripts.models / "rmir" / "a model.rmir").write_text("good")
    assert scripts("riva_init.sh").returncode == 0


@pytest.mark.parametrize(
    ("script", "settings", "until"),
    [
        ("riva_init.sh", {"use_existing_rmirs": "false"}, r"Please enter API key for ngc.nvidia.com: $"),
        ("riva_init.sh", {"use_existing_rmirs": "false", "key": "slow"}, r"downloading slowly"),
        ("riva_init.sh", {"rmir": "slow"}, r"deploying slowly"),
        ("riva_start.sh", {"model": "hangs"}, r"retrying in 1 seconds"),
        ("riva_clean.sh", {"model": "good"}, r"Delete\? \[y/N\] $"),
    ],
    ids=["key", "download", "deploy", "start", "clean"],
)
def test_ctrl_c_at_a_terminal(make: Make, script: str, settings: dict[str, str], until: str) -> None:
    """At each step: the exit code is 130, no container is left, and nothing was deleted."""
    key = settings.pop("key", "")
    scripts = make(**settings)
    scripts.environment["NGC_API_KEY"] = key
    before = sorted(scripts.models.rglob("*.*"))
    with Terminal(scripts.command(script), scripts.environment, scripts.config.parent) as terminal:
        terminal.wait_for(until)
        terminal.type("\x03")
        assert terminal.code() == 130, terminal.said

    assert INTERRUPTED in terminal.said
    assert scripts.containers() == []
    assert sorted(path for path in scripts.models.rglob("*.*") if path.name != "models.part") == before


def test_a_client_that_is_told_to_end(make: Make) -> None:
    """A shell at a terminal ignores SIGTERM; the container is removed all the same."""
    scripts = make()
    with Terminal(scripts.command("riva_start_client.sh"), scripts.environment, scripts.config.parent) as terminal:
        terminal.wait_for(r"# $")
        os.kill(terminal.process, signal.SIGTERM)
        assert terminal.code() == 143, terminal.said

    assert scripts.containers() == []


def test_ctrl_c_while_it_pulls(make: Make) -> None:
    """From a registry that takes the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as registry:
        scripts = make(prefix=f"127.0.0.1:{registry.getsockname()[1]}/nvidia/riva")
        with Terminal(scripts.command("riva_init.sh"), scripts.environment, scripts.config.parent) as terminal:
            terminal.wait_for("This may take some time...\n")
            with registry.accept()[0]:
                terminal.type("\x03")
                assert terminal.code() == 130, terminal.said

    assert INTERRUPTED in terminal.said


def test_a_server_that_dies_says_so_at_once(make: Make) -> None:
    """Its last lines are shown when it ends, not after five minutes; `docker logs` still has them."""
    scripts = make(model="dies", riva_health_interval="60")
    begin = time.monotonic()
    done = scripts("riva_start.sh")

    assert time.monotonic() - begin < 30
    assert done.returncode == 1
    assert "Riva Speech has died with exit code 45. It said last:" in done.stdout
    assert "ModelsNotLoaded: model" in done.stdout
    assert done.stdout.splitlines()[-1] == f"Check Riva logs with: docker logs {scripts.server}"
    assert scripts.containers(running=True) == []
    assert "ModelsNotLoaded" in docker("logs", scripts.server)


def test_a_server_that_never_becomes_ready(make: Make) -> None:
    """It is given up after the tries, in the words of the original, and stopped."""
    scripts = make(model="hangs", riva_health_tries="2")
    done = scripts("riva_start.sh")

    assert done.returncode == 1
    assert done.stdout.count("Waiting for Riva server to load all models...retrying in 1 seconds") == 2
    assert f'timeout: failed to connect service ":{scripts.port}" within 1s' in done.stdout
    assert done.stdout.splitlines()[-2:] == [
        "Health ready check failed.",
        f"Check Riva logs with: docker logs {scripts.server}",
    ]
    assert scripts.containers(running=True) == []


def test_a_port_that_is_taken(make: Make) -> None:
    """Docker's reason is shown, which the originals hide, and no container is left."""
    scripts = make(model="good")
    with socket.create_server(("", scripts.port)):
        done = scripts("riva_start.sh")

    assert done.returncode == 1
    assert "address already in use" in done.stdout
    assert "riva_speech_api_port" in done.stdout.splitlines()[-1]
    assert scripts.containers() == []
    assert scripts("riva_start.sh").returncode == 0


def test_start_before_init(make: Make) -> None:
    """Without models, without a volume and without an image, the message names the step that is missing."""
    for scripts in (make(), make(in_volume=True)):
        done = scripts("riva_start.sh")
        assert (done.returncode, done.stdout.splitlines()[0]) == (
            1,
            f"There are no models in {scripts.location}/models.",
        )
        assert "./riva_init.sh" in done.stdout
        assert docker("volume", "ls", "-q", "--filter", f"name={scripts.token}") == "", "a volume came to be"
    nowhere = make(prefix="riva-ci-test-nowhere")
    for script in ("riva_start.sh", "riva_start_client.sh"):
        done = nowhere(script)
        assert (done.returncode, done.stdout.splitlines()[0]) == (
            1,
            "The image riva-ci-test-nowhere/riva-speech:2.19.0 is not there.",
        )


def test_an_engine_that_is_down(make: Make) -> None:
    """Every script says so, with what Docker said."""
    scripts = make()
    scripts.environment["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    for script in ("riva_init.sh", "riva_start.sh", "riva_stop.sh", "riva_clean.sh", "riva_start_client.sh"):
        done = scripts(script)
        assert done.returncode == 1
        assert done.stdout.startswith("Unable to run Docker. Please check that Docker is installed and functioning.\n")
        assert "/nowhere/docker.sock" in done.stdout


def test_a_plugin_is_preloaded(make: Make) -> None:
    """Libraries in /data/plugins reach the server by LD_PRELOAD, empty files do not."""
    scripts = make(model="good")
    plugins = scripts.models / "plugins"
    plugins.mkdir()
    for name, content in {"a.so": "x", "b.so": "x", "empty.so": "", "c.txt": "x"}.items():
        (plugins / name).write_text(content)
    assert scripts("riva_start.sh").returncode == 0

    assert "LD_PRELOAD=/data/plugins/a.so:/data/plugins/b.so" in docker("logs", scripts.server)


def test_no_key_is_in_a_process_list(make: Make) -> None:
    """Neither the key of the RMIRs nor that of NGC, while the containers run."""
    scripts = make(rmir="slow", MODEL_DEPLOY_KEY="marked-key-4711")
    with started(scripts, "riva_init.sh") as process:
        appears(lambda: (scripts.models / "models.part").exists())
        commands = b"".join(
            path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)
        )
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

    assert b"riva_init.sh" in commands
    assert b"marked-key-4711" not in commands
