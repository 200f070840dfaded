"""Images are pulled from a real registry on loopback: with login, without, and over a line that breaks."""

import base64
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from ci.errors import ImageMissing, LoginRefused, PullFailed
from ci.runtime import registry
from ci.runtime.engine import connect
from tests.quickstart import stand_in
from tests.registry.serving import KEY, Line
from tests.registry.serving import registry as serve

pytestmark = [pytest.mark.container, pytest.mark.needs("docker-registry")]


@pytest.fixture(scope="module")
def engine() -> DockerClient:
    return connect()


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory, engine: DockerClient) -> Path:
    """The folder of a registry that holds one small image, `riva/riva-speech:2.19.0`."""
    folder = tmp_path_factory.mktemp("registry")
    with serve(folder) as port:
        name = f"127.0.0.1:{port}/riva/riva-speech:2.19.0"
        stand_in.load(name, commands={"bin/mark": secrets.token_hex()})
        for line in engine.api.push(name, stream=True, decode=True):
            assert "error" not in line, line
        engine.images.remove(name)
    return folder


@pytest.fixture
def pulled(engine: DockerClient) -> Iterator[list[str]]:
    """Names of images that are removed at the end."""
    names: list[str] = []
    yield names
    for name in names:
        for image in engine.images.list(name.rpartition(":")[0]):
            engine.images.remove(image.id, force=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No pauses between tries, and no login that this machine has kept; returns the folder of Docker's settings."""
    monkeypatch.setattr(registry, "PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv(registry.KEY_VARIABLE, raising=False)
    return tmp_path


def test_an_image_is_pulled_by_digest_with_progress(
    storage: Path, pulled: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is recorded is the digest that was asked for; the tag is there as well, and is not pulled again."""
    with serve(storage) as port:
        pulled.append(name := f"127.0.0.1:{port}/riva/riva-speech:2.19.0")
        image = registry.image_of(connect(), name)
    (digest,) = image.attrs["RepoDigests"]

    assert digest.startswith(name.rpartition(":")[0] + "@sha256:")
    assert name in image.tags
    assert f"Pulling {name}: 100 %" in capsys.readouterr().err
    assert registry.image_of(connect(), name).id == image.id, "the registry is not there any more"


def test_the_key_of_ngc_opens_its_registry(
    storage: Path,
    pulled: list[str],
    quick: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It comes from the environment and is neither written nor printed."""
    with serve(storage, login=True) as port:
        monkeypatch.setattr(registry, "NGC", f"127.0.0.1:{port}")
        monkeypatch.setenv(registry.KEY_VARIABLE, KEY)
        pulled.append(name := f"127.0.0.1:{port}/riva/riva-speech:2.19.0")
        registry.image_of(connect(), name)

    output = capsys.readouterr()
    assert KEY not in output.out + output.err
    assert list(quick.iterdir()) == []


def test_what_docker_login_kept_is_used(storage: Path, pulled: list[str], quick: Path) -> None:
    """Another registry than NGC's is opened with the user's own login."""
    with serve(storage, login=True) as port:
        login = base64.b64encode(f"$oauthtoken:{KEY}".encode()).decode()
        (quick / "config.json").write_text(json.dumps({"auths": {f"127.0.0.1:{port}": {"auth": login}}}))
        pulled.append(name := f"127.0.0.1:{port}/riva/riva-speech:2.19.0")

        assert name in registry.image_of(connect(), name).tags


@pytest.mark.parametrize("key", ["nvapi-wrong", None])
def test_a_refused_login_is_not_tried_again(
    storage: Path, key: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong key, or none, is said at once, with what to do; the key itself is not."""
    with serve(storage, login=True) as port:
        monkeypatch.setattr(registry, "NGC", f"127.0.0.1:{port}")
        if key:
            monkeypatch.setenv(registry.KEY_VARIABLE, key)
        with pytest.raises(LoginRefused) as caught:
            registry.image_of(connect(), f"127.0.0.1:{port}/riva/riva-speech:2.19.0")

    assert caught.value.fix.startswith("put a valid key of ngc.nvidia.com into NGC_API_KEY")
    assert key is None or key not in str(caught.value)
    assert "attempt" not in capsys.readouterr().err


def test_a_missing_image_is_not_tried_again(storage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A version that the registry does not have is said at once."""
    with serve(storage) as port, pytest.raises(ImageMissing, match=r"riva-speech:9\.9\.9"):
        registry.image_of(connect(), f"127.0.0.1:{port}/riva/riva-speech:9.9.9")

    assert "attempt" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "breaks_after",
    [
        pytest.param(100, id="at the manifest"),
        pytest.param(200_000, id="in a layer", marks=pytest.mark.full),  # the engine waits 5 s by itself
    ],
)
def test_a_line_that_breaks_once_does_no_harm(storage: Path, pulled: list[str], breaks_after: int) -> None:
    """The pull goes on, or is begun again, and ends well."""
    with serve(storage) as port:
        line = Line(port, breaks_after=breaks_after, mends=True)
        pulled.append(name := f"127.0.0.1:{line.port}/riva/riva-speech:2.19.0")
        image = registry.image_of(connect(), name)
        line.close()

    assert line.breaks == 1
    assert name in image.tags


@pytest.mark.full
def test_a_line_that_stays_broken_is_given_up(storage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After three tries the message holds what the engine said; no part of the image is left."""
    with serve(storage) as port:
        line = Line(port, breaks_after=200_000, mends=False)
        name = f"127.0.0.1:{line.port}/riva/riva-speech:2.19.0"
        with pytest.raises(PullFailed, match="in 3 tries") as caught:
            registry.image_of(connect(), name)
        line.close()

    tries = [line for line in capsys.readouterr().err.splitlines() if "attempt" in line]
    assert [line.split("attempt ")[1][:6] for line in tries] == ["1 of 3", "2 of 3", "3 of 3"]
    assert "the engine said last" in caught.value.why
    assert connect().images.list(name) == []
