"""The Quick Start scripts with the images of this repository: from RMIRs to what the stock client hears.

The networks are tiny and known (`tests/tones`, `tests/marks`): a high tone is `hello`, a low one is `ask`, and the
punctuator makes `Hello ask?` of them.
"""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import riva.client
import soundfile

from pipelines.archive.encryption import Key
from tests.certificates import Certificate, certificate
from tests.marks import archive as marks
from tests.quickstart.installation import Installation, docker
from tests.tones import archive as tones

pytestmark = pytest.mark.container

PREFIX = "riva-ci"  # of the images that `nox -s images` builds
IMAGES = [f"{PREFIX}/riva-speech:2.19.0", f"{PREFIX}/riva-speech:2.19.0-servicemaker"]
OWNER = 12345  # of the models where the tests run as root, so that the images have somebody to become
AUDIO = ((0.3, 0), (0.4, 3000), (0.3, 0), (0.4, 300), (1.5, 0))
KEY = "a key of one's own"

Make = Callable[..., Installation]


@pytest.fixture(scope="module", autouse=True)
def images() -> None:
    """The images, which the tests do not build: it takes minutes."""
    for image in IMAGES:
        assert docker("images", "-q", image), f"{image} is not there; ./scripts/nox -s images builds it"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Installation] = []

    def make(**settings: Any) -> Installation:
        folder = tmp_path / "an installation"
        folder.mkdir()
        made.append(scripts := Installation(folder, PREFIX, **settings))
        return scripts

    yield make
    for scripts in made:
        scripts.remove()


def speech(folder: Path) -> Path:
    labels = ["\u2581hello", "\u2581ask"]
    return tones.write_riva(
        folder / "speech.riva", model_config={**tones.MODEL_CONFIG, "decoder": {"vocabulary": labels}}
    )


def place_rmirs(scripts: Installation, key: Key | None = None) -> None:
    """Streaming and offline recognition, in the directory where riva_init.sh looks for RMIRs."""
    folder = scripts.models / "rmir"
    folder.mkdir(parents=True)
    riva_file = speech(scripts.config.parent)
    tones.write_rmir(folder / "streaming.rmir", riva_file, name="streaming", key=key)
    tones.write_rmir(folder / "offline.rmir", riva_file, name="offline", offline=True, chunk_size=30, key=key)
    give_away(scripts.models)


def give_away(folder: Path) -> None:
    """To somebody who is not root."""
    if os.geteuid() == 0:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, OWNER, OWNER)


def sample() -> bytes:
    wav = io.BytesIO()
    soundfile.write(wav, tones.tones(*AUDIO), tones.RATE, format="WAV")
    return wav.getvalue()


def heard(
    scripts: Installation, *, root: Path | None = None, own: Certificate | None = None, punctuated: bool = False
) -> str:
    """What the stock client is told about the sample."""
    auth = riva.client.Auth(
        uri=f"localhost:{scripts.port}",
        use_ssl=root is not None,
        ssl_root_cert=str(root) if root else None,
        ssl_client_cert=str(own.cert) if own else None,
        ssl_client_key=str(own.key) if own else None,
    )
    config = riva.client.RecognitionConfig(language_code="en-US", enable_automatic_punctuation=punctuated)
    try:
        (result,) = riva.client.ASRService(auth).offline_recognize(sample(), config).results
        return str(result.alternatives[0].transcript)
    finally:
        auth.channel.close()


def succeeds(scripts: Installation, script: str, said: str = "") -> str:
    done = scripts(script, said=said, seconds=300)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_main_path(make: Make) -> None:
    """From RMIRs in a directory to a transcript, and everything removed again."""
    scripts = make()
    place_rmirs(scripts)

    initialised = succeeds(scripts, "riva_init.sh")
    assert initialised.splitlines()[-1] == "Riva initialization complete. Run ./riva_start.sh to launch services."
    assert "note: this engine has no GPU; --gpus is left out" in initialised
    owner = OWNER if os.geteuid() == 0 else os.geteuid()
    assert {path.stat().st_uid for path in scripts.models.rglob("*")} == {owner}
    assert succeeds(scripts, "riva_start.sh").splitlines()[-2:] == ["status: SERVING", "Riva server is ready..."]
    assert heard(scripts) == "hello ask "
    assert "Shutting down docker containers..." in succeeds(scripts, "riva_stop.sh")
    with pytest.raises(grpc.RpcError):
        heard(scripts)
    succeeds(scripts, "riva_clean.sh", said="n\nn\ny\n")

    assert scripts.containers() == []
    assert not scripts.models.exists()


@pytest.mark.full
def test_in_a_volume(make: Make) -> None:
    """riva-build writes the RMIR into the volume, as in the guide; the scripts take it from there, and delete it."""
    scripts = make(in_volume=True)
    work = scripts.config.parent / "a work folder"
    work.mkdir()
    speech(work)
    give_away(work)
    build = "riva-build speech_recognition /data/rmir/a.rmir speech.riva --language_code=en-US --offline"
    docker(
        *["run", "--rm", "-v", f"{work}:/servicemaker-dev", "-v", f"{scripts.location}:/data", IMAGES[1]],
        *["bash", "-c", f"mkdir -p /data/rmir && {build}"],
    )
    for script in ("riva_init.sh", "riva_start.sh"):
        succeeds(scripts, script)

    assert heard(scripts) == "hello ask "
    assert succeeds(scripts, "riva_clean.sh", said="n\nn\nn\n").count("Skipping...") == 3
    assert f"Found docker volume '{scripts.location}'. Delete? [y/N] yes" in succeeds(
        scripts, "riva_clean.sh", said="n\nn\nyes\n"
    )
    assert docker("volume", "ls", "-q", "--filter", f"name={scripts.location}") == ""
    assert "is not a Docker volume, or has already been deleted." in succeeds(scripts, "riva_clean.sh", said="n\nn\n")


@pytest.mark.full
def test_an_encrypted_rmir(make: Make) -> None:
    """MODEL_DEPLOY_KEY opens it; with another key nothing is deployed, and the message of the tool is shown."""
    scripts = make(MODEL_DEPLOY_KEY=f'"{KEY}"')
    place_rmirs(scripts, Key(KEY.encode()))
    for script in ("riva_init.sh", "riva_start.sh"):
        succeeds(scripts, script)
    assert heard(scripts) == "hello ask "

    scripts.configure(MODEL_DEPLOY_KEY='"another key"')
    before = sorted(scripts.models.rglob("*"))
    done = scripts("riva_init.sh")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "Error in deploying RMIR models.")
    assert "key" in done.stdout
    assert sorted(scripts.models.rglob("*")) == before
    assert heard(scripts) == "hello ask "


@pytest.mark.full
@pytest.mark.parametrize("mutual", [False, True])
def test_tls(make: Make, mutual: bool) -> None:
    """The server shows its certificate, the probe finds it ready, and a client without TLS or its own is not heard."""
    scripts = make()
    files, authority = certificate(scripts.config.parent, "server")
    client, _ = certificate(scripts.config.parent, "client", authority)
    place_rmirs(scripts)
    if os.geteuid() == 0:
        os.chown(files.key, OWNER, OWNER)
    files.key.chmod(0o600)
    scripts.configure(ssl_server_cert=f'"{files.cert}"', ssl_server_key=f'"{files.key}"')
    if mutual:
        scripts.configure(ssl_root_cert=f'"{files.cert}"', ssl_use_mutual_auth="true")
    for script in ("riva_init.sh", "riva_start.sh"):
        succeeds(scripts, script)

    assert heard(scripts, root=files.cert, own=client if mutual else None) == "hello ask "
    with pytest.raises(grpc.RpcError):
        heard(scripts, root=files.cert if mutual else None)


@pytest.mark.full
def test_a_second_model(make: Make) -> None:
    """A punctuator is put beside the recogniser, and everything is initialised again while the old models serve."""
    scripts = make()
    place_rmirs(scripts)
    for script in ("riva_init.sh", "riva_start.sh"):
        succeeds(scripts, script)
    assert heard(scripts, punctuated=True) == "hello ask "

    marks.write_rmir(scripts.models / "rmir" / "marks.rmir", marks.write_riva(scripts.config.parent / "marks.riva"))
    give_away(scripts.models)
    for script in ("riva_init.sh", "riva_stop.sh", "riva_start.sh"):
        succeeds(scripts, script)

    assert heard(scripts, punctuated=True) == "Hello ask? "


TRANSCRIBE = """python3 - <<'END'
import riva.client
auth = riva.client.Auth(uri="localhost:{port}")
config = riva.client.RecognitionConfig(language_code="en-US")
audio = open("/examples/sample.wav", "rb").read()
riva.client.print_offline(riva.client.ASRService(auth).offline_recognize(audio, config))
END
"""


@pytest.mark.full
def test_the_client_container(make: Make) -> None:
    """It is in the host's network and has the stock client; what it reads on its input it runs, and it is gone then."""
    scripts = make()
    place_rmirs(scripts)
    (scripts.config.parent / "sample.wav").write_bytes(sample())
    for script in ("riva_init.sh", "riva_start.sh"):
        succeeds(scripts, script)

    assert "Final transcript: hello ask" in succeeds(
        scripts, "riva_start_client.sh", said=TRANSCRIBE.format(port=scripts.port)
    )
    assert scripts.containers() == [scripts.server]


@pytest.mark.full
@pytest.mark.parametrize("damage", ["cut short", "changed", "no archive"])
def test_a_corrupt_rmir(make: Make, damage: str) -> None:
    """The tool says what is wrong with which file, the script says what failed; no repository comes to be."""
    scripts = make()
    place_rmirs(scripts)
    path = scripts.models / "rmir" / "offline.rmir"
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(
        {
            "cut short": whole[:middle],
            "changed": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "no archive": b"not an archive",
        }[damage]
    )
    done = scripts("riva_init.sh")

    assert done.returncode == 1
    assert "/data/rmir/offline.rmir" in done.stdout
    assert done.stdout.splitlines()[-1] == "Error in deploying RMIR models."
    assert sorted(path.name for path in scripts.models.iterdir()) == ["rmir"]
    assert scripts.containers() == []


@pytest.mark.full
def test_a_disk_that_is_full(make: Make) -> None:
    """A volume of which riva-deploy fills the last byte: the script fails, and what it had begun is gone."""
    scripts = make(in_volume=True)
    work = scripts.config.parent / "a work folder"
    work.mkdir()
    tones.write_rmir(work / "a.rmir", speech(work), name="a", offline=True)
    docker(
        *["volume", "create", scripts.location, "--driver", "local", "--opt", "type=tmpfs"],
        *["--opt", "device=tmpfs", "--opt", "o=size=256k,uid=1000"],
    )
    # such a volume lives as long as a container has it
    docker(
        *["run", "-d", "--name", f"{scripts.token}-holder", "-v", f"{scripts.location}:/data"],
        *["-v", f"{work}:/from:ro", "--entrypoint", "/bin/sh", IMAGES[1], "-c"],
        "mkdir /data/rmir && cp /from/a.rmir /data/rmir && head -c 200k /dev/zero >/data/filler; exec sleep 600",
    )
    done = scripts("riva_init.sh")
    left = docker("exec", f"{scripts.token}-holder", "ls", "-A", "/data").split()

    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "Error in deploying RMIR models."), done.stdout
    assert "No space left on device" in done.stdout
    assert left == ["filler", "rmir"]
