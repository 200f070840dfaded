"""The images as users run them: whose files they write, how they say that they are well, and what is in them."""

import io
import json
import os
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import soundfile

from tests.certificates import certificate
from tests.counting.client import eventually
from tests.tones import archive as tones

pytestmark = pytest.mark.container

SPEECH = "riva-ci/riva-speech:2.19.0"
SERVICEMAKER = f"{SPEECH}-servicemaker"
OWNER = 12345  # of mounted folders, where the tests run as root
READY_SECONDS = 120
# Measured in ci/containers/README.md, and a tenth more.
LARGEST = {SERVICEMAKER: 415e6, SPEECH: 693e6}


def docker(*words: str, code: int = 0) -> str:
    """What a `docker` command prints; it must end with `code`."""
    done = subprocess.run(["docker", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == code, f"docker {' '.join(words)} ended with {done.returncode}: {done.stdout}"
    return done.stdout


def run(image: str, *words: str, options: tuple[str, ...] = (), code: int = 0) -> str:
    """What a container prints that is removed when it has ended."""
    return docker("run", "--rm", "--init", "--label", "riva-ci.test", *options, image, *words, code=code)


@pytest.fixture(scope="module", autouse=True)
def images() -> None:
    """The images, which the tests do not build: it takes minutes."""
    for image in LARGEST:
        assert docker("images", "-q", image), f"{image} is not there; ./scripts/nox -s images builds it"


@pytest.fixture
def volume() -> Iterator[str]:
    name = f"riva-ci-test-{secrets.token_hex(4)}"
    docker("volume", "create", name)
    yield name
    docker("volume", "rm", name)


def owned(folder: Path) -> Path:
    """Gives a folder to somebody who is not root."""
    folder.mkdir(exist_ok=True)
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, OWNER, OWNER)
    return folder


def owners(folder: Path) -> set[int]:
    return {path.stat().st_uid for path in (folder, *folder.rglob("*"))}


def me() -> int:
    return OWNER if os.geteuid() == 0 else os.getuid()


# -- whose files ------------------------------------------------------------------------------------------------------


def test_the_guides_shell_leaves_no_file_of_root(tmp_path: Path) -> None:
    """`--entrypoint=/bin/bash` is the guide's way in; the tools that are typed there work as the folders' owner."""
    artifacts, data = tmp_path / "artifacts", owned(tmp_path / "data")
    artifacts.mkdir()
    tones.write_riva(artifacts / "tones.riva")
    owned(artifacts)
    mounts = ("-v", f"{artifacts}:/servicemaker-dev", "-v", f"{data}:/data", "--entrypoint=/bin/bash")
    typed = (
        "riva-build speech_recognition /servicemaker-dev/a.rmir:secret tones.riva --name=a --decoder_type=greedy"
        " --language_code=en-US --ms_per_timestep=40 && riva-deploy /servicemaker-dev/a.rmir:secret /data/models"
    )

    said = run(SERVICEMAKER, "-c", typed, options=mounts)

    assert "Model repository saved to /data/models" in said
    assert (data / "models" / "a" / "config.pbtxt").is_file()
    assert owners(tmp_path / "artifacts") | owners(data) == {me()}


def test_an_empty_volume_becomes_the_images_users(volume: str) -> None:
    """A new volume is root's; the image takes it, and works as its own user."""
    said = run(SERVICEMAKER, "sh", "-c", "touch /data/file && stat -c %u /data/file", options=("-v", f"{volume}:/data"))

    assert said.split() == ["1000"]


def test_whoever_is_named_by_user_can_work(volume: str) -> None:
    """--user is obeyed, in a new volume too."""
    options = ("--user=4321:4321", "-v", f"{volume}:/data")

    said = run(
        SERVICEMAKER, "sh", "-c", "touch /data/file && stat -c %u:%g /data/file && riva-build --help", options=options
    )

    assert said.startswith("4321:4321\nusage: riva-build")


@pytest.mark.full
def test_a_folder_of_roots_with_files_is_used_without_roots_powers(volume: str) -> None:
    """Root's own models are served as root, which then may do no more than their owner could."""
    options = ("-v", f"{volume}:/data")
    run(SERVICEMAKER, "/data/models", options=(*options, "--entrypoint=mkdir"))

    said = run(SERVICEMAKER, "sh", "-c", "id -u; grep CapEff /proc/self/status", options=options)

    assert "runs as root, but without root's capabilities" in said
    assert re.search(r"^0\nCapEff:\s+0{16}$", said, re.MULTILINE)


@pytest.mark.full
def test_a_read_only_folder_does_not_stop_the_start(tmp_path: Path) -> None:
    """A model repository may be mounted read-only; nothing is changed in it."""
    (tmp_path / "models").mkdir()
    run(SERVICEMAKER, "true", options=("-v", f"{tmp_path / 'models'}:/data:ro"))

    assert (tmp_path / "models").stat().st_uid == os.geteuid()


def test_the_exit_code_is_the_tools() -> None:
    """Scripts decide by it."""
    said = run(SERVICEMAKER, "deploy_all_models", "/data/rmir", "/data/models", code=13)

    assert "there is no folder /data/rmir" in said


# -- a server ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A /data with the models of two pipelines, made by the image from RMIRs."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "rmir").mkdir()
    riva = tones.write_riva(folder / "tones.riva")
    tones.write_rmir(folder / "rmir" / "online.rmir", riva, name="online")
    tones.write_rmir(folder / "rmir" / "offline.rmir", riva, name="offline", offline=True, chunk_size=30)
    owned(folder)
    run(SERVICEMAKER, "deploy_all_models", "/data/rmir", "/data/models", options=("-v", f"{folder}:/data"))
    return folder


Serve = Callable[..., str]


@pytest.fixture(scope="module")
def serve(models: Path) -> Iterator[Serve]:
    """Starts a server; returns its container once the engine says what its health is."""
    started = []

    def start(*flags: str, options: tuple[str, ...] = (), words: tuple[str, ...] = ("start-riva",)) -> str:
        # The engine asks at once and every second here; by the image every ten.
        options = ("--health-interval=1s", "--label", "riva-ci.test", *options)
        container = docker("run", "-d", "--init", "-v", f"{models}:/data", *options, SPEECH, *words, *flags).strip()
        started.append(container)
        return container

    yield start
    docker("rm", "-f", "-v", *started)


def health(container: str) -> str:
    return docker("inspect", "-f", "{{.State.Health.Status}}", container).strip()


def is_healthy(container: str) -> bool:
    return eventually(lambda: health(container) == "healthy", READY_SECONDS)


@pytest.fixture(scope="module")
def server(serve: Serve) -> str:
    container = serve("--riva-uri=0.0.0.0:50051", "--asr_service=true", "--nlp_service=true", "--tts_service=true")
    assert is_healthy(container), docker("logs", container)
    return container


def test_the_server_runs_as_the_owner_of_its_data(server: str) -> None:
    """Triton, its models and the API: none of them is root."""
    who = docker("exec", server, "sh", "-c", "stat -c %u /proc/[0-9]* | sort | uniq -c").split("\n")
    users = {int(line.split()[1]) for line in who if line.strip()}

    assert users == {0, me()}  # root is docker's init, and this shell
    assert docker("exec", server, "sh", "-c", "stat -c '%u %n' /proc/[0-9]*/exe; true").count(f"{me()} ") >= 4


def test_the_probe_answers_as_riva_start_expects(server: str) -> None:
    """Word for word, and with the exit codes of grpc_health_probe."""
    assert docker("exec", server, "/bin/grpc_health_probe", "-addr=:50051") == "status: SERVING\n"
    waiting = docker("exec", server, "/bin/grpc_health_probe", "-addr=:50052", code=2)
    assert waiting == 'timeout: failed to connect service ":50052" within 1s\n'
    docker(
        "exec",
        server,
        "grpc_health_probe",
        "-addr=:50051",
        "-service=nvidia.riva.nlp.RivaLanguageUnderstanding",
        code=4,
    )


def test_the_stock_client_in_the_image_transcribes(server: str, models: Path) -> None:
    """What the image brings to try itself with."""
    wav = io.BytesIO()
    soundfile.write(wav, tones.tones((0.3, 0), (0.4, 3000), (0.3, 0), (0.4, 300), (1.5, 0)), tones.RATE, format="WAV")
    (models / "tones.wav").write_bytes(wav.getvalue())
    program = (
        "import riva.client as r; c = r.RecognitionConfig(language_code='en-US');"
        "s = r.ASRService(r.Auth(uri='localhost:50051'));"
        "print(s.offline_recognize(open('/data/tones.wav', 'rb').read(), c).results[0].alternatives[0].transcript)"
    )

    assert docker("exec", server, "python3", "-c", program).split() == ["high", "low"]


@pytest.mark.full
def test_the_api_server_alone_stands_before_that_triton(server: str, serve: Serve) -> None:
    """riva_server finds Triton at Riva's port, and its own health is asked for at its own address."""
    container = serve("--riva-uri=0.0.0.0:50061", options=(f"--network=container:{server}",), words=("riva_server",))

    assert is_healthy(container), docker("logs", container)


@pytest.mark.full
def test_health_is_asked_for_with_tls(serve: Serve, models: Path) -> None:
    """The flags of the server say how: here with TLS, a certificate of each client, and another port."""
    files, _ = certificate(models, "server")
    files.key.chmod(0o644)
    flags = ["--use_ssl", f"--ssl_server_cert=/data/{files.cert.name}", f"--ssl_server_key=/data/{files.key.name}"]
    container = serve(
        "--riva-uri=0.0.0.0:50071", *flags, f"--ssl_root_cert=/data/{files.cert.name}", "--ssl_use_mutual_auth"
    )

    assert is_healthy(container), docker("logs", container)


@pytest.mark.full
def test_what_serves_nothing_is_not_healthy(serve: Serve) -> None:
    """A server that waits for a Triton which never comes is unhealthy; a container that serves nobody is well."""
    waiting = serve("--triton-uri=127.0.0.1:9", options=("--health-start-period=1s",), words=("riva_server",))
    other = serve("60", words=("sleep",))

    assert is_healthy(other)
    assert eventually(lambda: health(waiting) == "unhealthy", READY_SECONDS)


# -- what is in them --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("image", LARGEST)
def test_the_bill_lists_what_is_there(image: str) -> None:
    """Every Python package and every Debian package, with its version, and nothing else."""
    python = "import importlib.metadata as m; [print('pkg:pypi', d.name, d.version) for d in m.distributions()]"
    debian = "dpkg-query -W -f 'pkg:deb ${Package} ${Version}\\n'"
    said = run(image, "sh", "-c", f'python3 -c "{python}" && {debian} && cat /opt/riva/sbom.cdx.json')
    there, brace, bill = said.partition("{\n")
    listed = {f"{e['purl'].split('/')[0]} {e['name']} {e['version']}" for e in json.loads(brace + bill)["components"]}

    def normal(lines: set[str]) -> set[str]:
        return {line.replace("_", "-").lower() for line in lines}

    assert normal(listed) == normal({*there.splitlines()})


@pytest.mark.parametrize("image", LARGEST)
def test_labels_say_where_it_comes_from(image: str) -> None:
    """The labels of the Open Container Initiative; none of them is a time of building."""
    labels = json.loads(docker("inspect", "-f", "{{json .Config.Labels}}", image))

    assert {name.removeprefix("org.opencontainers.image.") for name in labels} >= {
        "base.digest", "base.name", "created", "licenses", "revision", "title", "version",
    }  # fmt: skip
    assert labels["org.opencontainers.image.version"] == "2.19.0"


@pytest.mark.parametrize(("image", "largest"), LARGEST.items())
def test_the_size_stays(image: str, largest: float) -> None:
    """A package more shows here before it shows in everybody's pulls."""
    assert int(docker("inspect", "-f", "{{.Size}}", image)) < largest
