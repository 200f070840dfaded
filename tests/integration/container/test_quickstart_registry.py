"""riva_init.sh pulls from a real registry on loopback: with NGC's login, without, and over a line that breaks."""

import base64
import json
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.quickstart import stand_in
from tests.quickstart.installation import Installation, docker
from tests.registry.serving import KEY, Line, registry

pytestmark = [pytest.mark.container, pytest.mark.full, pytest.mark.needs("docker-registry")]

Make = Callable[..., Installation]
IMAGE = "nvidia/riva/riva-speech:2.19.0"
DONE = "Riva initialization complete. Run ./riva_start.sh to launch services."


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a registry that holds NVIDIA's image of 2.19, which is both server and ServiceMaker: a stand-in."""
    folder = tmp_path_factory.mktemp("registry")
    with registry(folder) as port:
        name = f"127.0.0.1:{port}/{IMAGE}"
        # a layer that no other test has left on the engine
        stand_in.load(name, commands={**stand_in.COMMANDS, "mark": secrets.token_hex()})
        docker("push", name)
        docker("rmi", name)
    return folder


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes an installation whose NGC is the registry on that port."""
    made: list[tuple[Installation, str]] = []

    def make(port: int) -> Installation:
        host = f"127.0.0.1:{port}"
        scripts = Installation(tmp_path, f"{host}/nvidia/riva", riva_ngc_registry=f'"{host}"')
        scripts.environment.pop("DOCKER_CONFIG", None)
        (scripts.models / "rmir").mkdir(parents=True)
        (scripts.models / "rmir" / "a.rmir").write_text("good")
        made.append((scripts, f"{host}/{IMAGE}"))
        return scripts

    yield make
    for scripts, image in made:
        scripts.remove()
        subprocess.run(["docker", "rmi", image], capture_output=True, check=False)


def test_the_key_of_ngc_opens_its_registry(storage: Path, make: Make) -> None:
    """One image is pulled, since 2.19 has one for both purposes; it is not pulled twice, and the key is not printed."""
    with registry(storage, login=True) as port:
        scripts = make(port)
        scripts.environment["NGC_API_KEY"] = KEY
        first, second = scripts("riva_init.sh"), scripts("riva_init.sh")
    login = json.loads((scripts.config.parent / ".docker" / "config.json").read_text())["auths"][f"127.0.0.1:{port}"]

    assert (first.returncode, first.stdout.splitlines()[-1]) == (0, DONE), first.stdout
    assert f"  > Pulling 127.0.0.1:{port}/{IMAGE}. This may take some time..." in first.stdout
    assert first.stdout.count("> Pulling") == 2
    assert f"  > Image 127.0.0.1:{port}/{IMAGE} exists. Skipping." in second.stdout
    assert KEY not in first.stdout + second.stdout
    assert base64.b64decode(login["auth"]).decode() == f"$oauthtoken:{KEY}"


def test_a_wrong_key(storage: Path, make: Make) -> None:
    """It is refused before anything is pulled."""
    with registry(storage, login=True) as port:
        scripts = make(port)
        scripts.environment["NGC_API_KEY"] = "nvapi-wrong"
        done = scripts("riva_init.sh")

    assert done.returncode == 1
    assert "NGC API Key is invalid. Please check and try again." in done.stdout
    assert "401 Unauthorized" in done.stdout
    assert "nvapi-wrong" not in done.stdout
    assert "Pulling" not in done.stdout


@pytest.mark.parametrize("mends", [True, False])
def test_a_line_that_breaks_while_it_pulls(storage: Path, make: Make, mends: bool) -> None:
    """Once does no harm; for good, the script ends with Docker's reason and nothing is half there."""
    with registry(storage) as port:
        line = Line(port, breaks_after=500_000, mends=mends)
        scripts = make(line.port)
        scripts.environment["NGC_API_KEY"] = KEY
        done = scripts("riva_init.sh", seconds=240)
        line.close()

    assert line.breaks > 0
    assert done.returncode == (0 if mends else 1), done.stdout
    assert done.stdout.splitlines()[-1] == (DONE if mends else "Exiting.")
    assert ("Attempt 3 out of 3 failed" in done.stdout) == (not mends)
    assert (scripts.models / "models").exists() == mends
