"""Tools in containers of a real engine: what they see, what is left of them, and what is said when it goes wrong.

The image is a small stand-in: each tool runs the script that the test has put into the folder of outputs.
"""

import gc
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker import DockerClient
from docker.models.containers import Container

from ci.errors import ContainerFailed, ContainerKilled, EngineForbidden, EngineUnavailable, ImageMissing
from ci.runtime import Address, Command
from ci.runtime.container import OWN_LABEL, Containers
from ci.runtime.engine import connect
from ci.runtime.ownership import LABEL
from pipelines.compatibility import riva_version
from tests.quickstart import stand_in

pytestmark = pytest.mark.container

TOOLS = ("riva-build", "riva-deploy", "start-riva", "nemo2riva")
SERVES = "echo 'Riva Conversational AI Server listening on 0.0.0.0:50051'; trap 'exit 0' TERM; sleep 600 & wait"
PROGRAM = """
import sys
from pathlib import Path
from ci.runtime import Address, Command
from ci.runtime.container import Containers
from ci.runtime.engine import connect
from pipelines.cli import run
from pipelines.compatibility import riva_version

def main(words):
    prefix, folder, tool = words
    runtime = Containers(connect(), riva_version("2.19.0"), prefix=prefix)
    server = (("--riva-uri=", Address("127.0.0.1", 0)),) if tool == "start-riva" else ()
    command = Command(tool, (*server, Path(folder) / "out"), Path(folder) / "log", folder=Path(folder))
    with runtime.start(command) as running:
        for line in running.lines():
            print(line, flush=True)
        return running.wait()

sys.exit(run(main))
"""


@pytest.fixture(scope="module")
def engine() -> DockerClient:
    return connect()


@pytest.fixture(scope="module")
def prefix(engine: DockerClient) -> Iterator[str]:
    """The prefix of the stand-in's name."""
    prefix = f"riva-ci-runtime-{secrets.token_hex(4)}"
    commands = {f"usr/bin/{tool}": 'exec sh /servicemaker-dev/script "$@"' for tool in TOOLS[:2]}
    commands |= {f"usr/bin/{tool}": 'exec sh /data/script "$@"' for tool in TOOLS[2:]}
    engine.api.import_image_from_data(
        stand_in.archive(commands),
        repository=f"{prefix}/riva-speech",
        tag="2.19.0",
        changes=["ENV PATH=/usr/bin:/bin", f"LABEL {'='.join(OWN_LABEL)}"],
    )
    yield prefix
    engine.images.remove(f"{prefix}/riva-speech:2.19.0", force=True)


@pytest.fixture
def runtime(engine: DockerClient, prefix: str) -> Containers:
    return Containers(engine, riva_version("2.19.0"), prefix=prefix)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Command]:
    """Makes a command of a tool that runs a script."""

    def write(script: str, *arguments: object, tool: str = "riva-build") -> Command:
        (tmp_path / "script").write_text(script)
        return Command(tool, tuple(arguments), tmp_path / "logs" / "log", folder=tmp_path)  # type: ignore[arg-type]

    return write


def containers(engine: DockerClient, prefix: str) -> list[Container]:
    return engine.containers.list(all=True, filters={"ancestor": f"{prefix}/riva-speech:2.19.0"})


def test_a_tool_finds_the_places_of_the_guide(
    runtime: Containers, engine: DockerClient, prefix: str, write: Callable[..., Command], tmp_path: Path
) -> None:
    """Artifacts are in /servicemaker-dev, models in /data/models, and other inputs are there to be read only."""
    vocabulary = tmp_path.parent / f"{tmp_path.name} vocabulary.txt"
    vocabulary.write_text("words")
    command = write(
        'echo "$@"; cat "${4#--vocabulary=}"; echo made >"$2"; : >"${4#--vocabulary=}"',  # which fails with 2
        "punctuation",
        tmp_path / "out.rmir",
        tmp_path / "models",
        ("--vocabulary=", vocabulary),
    )
    with runtime.start(command) as running:
        lines = list(running.lines())
        (container,) = containers(engine, prefix)
        assert container.labels[f"{LABEL}.tool"] == "riva-build"
        code = running.wait()

    place = f"/inputs/2/{vocabulary.name}"
    assert f"punctuation /servicemaker-dev/out.rmir /data/models --vocabulary={place}" in lines
    assert any(line.startswith("words") for line in lines), lines
    assert (tmp_path / "out.rmir").read_text() == "made\n"
    assert (code, vocabulary.read_text()) == (2, "words")
    assert command.log.read_text().splitlines() == lines
    assert containers(engine, prefix) == []


def test_two_servers_at_once_do_not_meet(runtime: Containers, write: Callable[..., Command]) -> None:
    """Each has a port of this machine's choice, on loopback only, and ends tidily when it is asked to."""
    command = write(SERVES, ("--riva-uri=", Address("127.0.0.1", 0)), tool="start-riva")
    second = Command(command.tool, command.arguments, command.log.with_name("second"), folder=command.folder)
    with runtime.start(command) as one, runtime.start(second) as two:
        said = next(one.lines(limit=30)), next(two.lines(limit=30))
        addresses = [one.reached_at("0.0.0.0:50051"), two.reached_at("0.0.0.0:50051")]
        codes = one.stop(), two.stop()

    assert all(line.endswith("listening on 0.0.0.0:50051") for line in said)
    assert len(set(addresses)) == 2
    assert all(address.startswith("127.0.0.1:") for address in addresses)
    assert codes == (0, 0)


def test_a_server_has_the_limits_of_the_guide(
    runtime: Containers, engine: DockerClient, prefix: str, write: Callable[..., Command]
) -> None:
    """--ipc=host, --init and the two limits of riva_start.sh; no port but the API's is published."""
    with runtime.start(write(SERVES, ("--riva-uri=", Address("127.0.0.1", 0)), tool="start-riva")):
        (container,) = containers(engine, prefix)
        host = container.attrs["HostConfig"]

    assert (host["IpcMode"], host["Init"], list(host["PortBindings"])) == ("host", True, ["50051/tcp"])
    assert {each["Name"]: (each["Soft"], each["Hard"]) for each in host["Ulimits"]} == {
        "memlock": (-1, -1),
        "stack": (67108864, 67108864),
    }


def test_the_identity_holds_the_digest_of_the_image(runtime: Containers, engine: DockerClient, prefix: str) -> None:
    """So that another image of the same name makes the outputs again; the verdict's is this machine's environment."""
    name = f"{prefix}/riva-speech:2.19.0"

    assert runtime.identity("riva-deploy") == f"{name} {engine.images.get(name).id}"
    assert runtime.identity("riva-verdict").startswith("runtime@")


@pytest.mark.parametrize("how", ["kill", "stop", "remove"])
def test_a_container_that_is_killed_from_outside_says_so(
    runtime: Containers, engine: DockerClient, prefix: str, write: Callable[..., Command], how: str
) -> None:
    """`docker kill`, `docker stop` and `docker rm -f` are told from a tool that failed."""
    command = write("echo working; trap 'exit 143' TERM; sleep 600 & wait")
    with runtime.start(command) as running:
        assert next(running.lines(limit=30)) == "working"
        (container,) = containers(engine, prefix)
        {"kill": container.kill, "stop": container.stop, "remove": lambda: container.remove(force=True)}[how]()
        with pytest.raises(ContainerKilled, match=r"riva-build was (killed|removed)") as caught:
            running.wait()

    assert "working" in caught.value.why
    assert containers(engine, prefix) == []


def test_a_full_disk_in_the_container_is_the_tools_to_tell(runtime: Containers, write: Callable[..., Command]) -> None:
    """What the tool says of it is in its log, and its exit code comes out."""
    with runtime.start(write("while cat /bin/bash; do :; done >/dev/shm/full; exit 22")) as running:
        lines = list(running.lines())
        assert running.wait() == 22

    assert "No space left on device" in lines[-1]


def test_a_port_that_is_taken_is_said(
    runtime: Containers, engine: DockerClient, prefix: str, write: Callable[..., Command]
) -> None:
    """The engine's own words say which."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        command = write(SERVES, ("--riva-uri=", address), tool="start-riva")
        with pytest.raises(ContainerFailed) as caught, runtime.start(command):
            pass

    assert str(address) in caught.value.why
    assert containers(engine, prefix) == []


def test_an_image_of_somebody_else_is_not_taken_for_ours(engine: DockerClient, prefix: str) -> None:
    """A mirror of NVIDIA's images behind --image-prefix would be given archives that it cannot read."""
    other = f"{prefix}/mirror"
    engine.api.import_image_from_data(stand_in.archive({}), repository=f"{other}/riva-speech", tag="2.19.0")
    try:
        with pytest.raises(ImageMissing, match="is not an image of this repository"):
            Containers(engine, riva_version("2.19.0"), prefix=other).identity("riva-build")
    finally:
        engine.images.remove(f"{other}/riva-speech:2.19.0")


def test_a_version_without_an_image_is_said(engine: DockerClient) -> None:
    """Nothing is guessed where the compatibility table names nothing."""
    with pytest.raises(ImageMissing, match=r"no source names the image of riva-build of Riva 2\.17\.0"):
        Containers(engine, riva_version("2.17.0")).identity("riva-build")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the SDK's socket, never connected
def test_no_engine_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With what to start, and what needs none."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with pytest.raises(EngineUnavailable, match="no Docker engine answers") as caught:
        connect()

    assert "No such file or directory" in caught.value.why
    del caught
    gc.collect()


def test_a_socket_of_others_is_said() -> None:
    """It is told from an engine that is down. Who is root may open any, so this is tried as nobody."""
    program = (
        "import os, docker\nfrom ci.runtime.engine import connect\nfrom pipelines.cli import run\nos.seteuid(65534)\n"
        "raise SystemExit(run(lambda argv: connect() and 0))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == EngineForbidden.exit_code
    assert "usermod --append --groups docker" in done.stderr


def started(prefix: str, folder: Path, tool: str) -> subprocess.Popen[str]:
    """A process that runs a tool, after the tool has said its first word."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, prefix, folder, tool], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    return process


@pytest.mark.parametrize("tool", ["riva-build", "riva-deploy", "start-riva"])
def test_ctrl_c_leaves_nothing_running(engine: DockerClient, prefix: str, tmp_path: Path, tool: str) -> None:
    """The tool in the container is asked to end, so that it can tidy up, and the container is removed."""
    (tmp_path / "script").write_text(
        "echo working; trap 'rm -f /data/half; exit 130' TERM; touch /data/half; sleep 600 & wait"
    )
    with started(prefix, tmp_path, tool) as process:
        time.sleep(0.2)
        process.send_signal(2)
        assert process.wait(30) == 130
    assert containers(engine, prefix) == []
    assert not (tmp_path / "half").exists()


def test_what_a_killed_run_left_is_removed_by_the_next(
    engine: DockerClient, prefix: str, tmp_path: Path, runtime: Containers, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own run can no longer do it; runs that live keep theirs."""
    (tmp_path / "script").write_text("echo working; sleep 600")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "script").write_text("echo working; sleep 600")
    with started(prefix, tmp_path, "riva-build") as killed, started(prefix, tmp_path / "other", "riva-build") as lives:
        killed.kill()
        killed.wait()
        assert len(containers(engine, prefix)) == 2
        Containers(engine, riva_version("2.19.0"), prefix=prefix)
        assert len(containers(engine, prefix)) == 1
        lives.send_signal(2)
        assert lives.wait(60) == 130

    assert "of a run that was killed" in capsys.readouterr().err
