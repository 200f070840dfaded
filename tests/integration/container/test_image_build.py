"""Building for another architecture, and twice: from a base with nothing in it, since nothing is run while building."""

import hashlib
import io
import json
import secrets
import struct
import tarfile
from collections.abc import Callable, Iterator

import pytest

from ci.containers.build import Built, build
from ci.errors import ImageFailed
from ci.runtime.engine import connect
from tests.quickstart.installation import docker

pytestmark = pytest.mark.container

PREFIX = f"riva-ci-test-{secrets.token_hex(4)}"
SETTINGS = ("Entrypoint", "Env", "ExposedPorts", "Healthcheck", "WorkingDir")
ELF_AARCH64 = 183  # e_machine, elf(5)

Import = Callable[..., str]


@pytest.fixture
def bases() -> Iterator[Import]:
    """Loads a base with these files, each dated anew, so that the engine takes nothing from its cache."""
    made: list[str] = []

    def make(*files: str, architecture: str = "amd64") -> str:
        layer = _tar(dict.fromkeys(("etc/passwd", *files), b""))
        digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
        facts = {
            "architecture": architecture,
            "os": "linux",
            "created": f"2026-11-22T12:00:{len(made):02}Z",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest]},
        }
        made.append(f"{PREFIX}/base:{len(made)}")
        manifest = [{"Config": "config.json", "RepoTags": made[-1:], "Layers": ["layer.tar"]}]
        image = {"config.json": json.dumps(facts).encode(), "layer.tar": layer}
        docker("load", said=_tar({**image, "manifest.json": json.dumps(manifest).encode()}))
        return made[-1]

    yield make
    docker("rmi", "-f", *made)


def _tar(files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return written.getvalue()


def servicemaker(base: str) -> Built:
    """The first of the images; the other would take as long again."""
    return next(iter(build(connect(), prefix=PREFIX, version="2.19.0", base=base)))


@pytest.mark.full
@pytest.mark.network
def test_an_image_for_arm64_is_built_anywhere_and_twice_the_same(bases: Import) -> None:
    """Names, machine code and every layer are those of the architecture; a second build differs by no byte."""
    built = []
    for _ in range(2):
        image = servicemaker(bases("usr/bin/python3.11", architecture="arm64"))
        facts = json.loads(docker("inspect", image.name))[0]
        built.append((facts["RootFS"]["Layers"], *(facts["Config"][name] for name in SETTINGS)))
    assert image.name == f"{PREFIX}/riva-speech:2.19.0-servicemaker-l4t-aarch64"
    assert facts["Architecture"] == "arm64"
    assert _machine(image.name, "numpy/core/_multiarray_umath.cpython-311-aarch64-linux-gnu.so") == ELF_AARCH64
    docker("rmi", image.name)

    assert built[0] == built[1]


def _machine(image: str, library: str) -> int:
    """For which machine a library in an image is, without starting it."""
    engine = connect()
    container = engine.containers.create(image, ["true"])
    try:
        chunks, _ = container.get_archive(f"/opt/riva/lib/python3.11/site-packages/{library}")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
            header = tar.extractfile(tar.getmembers()[0])
            assert header is not None
            return int(struct.unpack_from("<H", header.read(20), 18)[0])
    finally:
        container.remove()


def test_a_base_without_a_python_of_ours_is_refused(bases: Import) -> None:
    """Before anything is downloaded."""
    with pytest.raises(ImageFailed, match=r"has no Python 3.12 or 3.11"):
        servicemaker(bases("usr/bin/python3.10"))
