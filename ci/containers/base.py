"""Base images: what is known of one, and how one is made where nothing can be pulled."""

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from docker.errors import NotFound

from ci.errors import ImageFailed

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

__all__ = ["MIRROR", "PACKAGES", "SUITE", "Base", "debootstrap", "inspect"]

SUITE = "bookworm"
PACKAGES = ("python3", "libpython3.11", "ca-certificates")
MIRROR = "http://deb.debian.org/debian"
# What Debian's own slim images leave out, and what apt fetches again when it is asked to.
_EMPTIED = (
    *(f"usr/share/{name}" for name in ("doc", "info", "lintian", "locale", "man")),
    *(f"var/{name}" for name in ("cache/apt", "cache/debconf", "cache/ldconfig", "lib/apt/lists", "log")),
)
_FOREIGN = ("etc/hostname", "etc/resolv.conf")  # of the machine that ran debootstrap
_PYTHONS = ("3.12", "3.11")
_PACKAGE_LIST = "/var/lib/dpkg/status"


@dataclass(frozen=True, kw_only=True)
class Base:
    """What a base image has that the trees depend on.

    Attributes:
        name: Its name, as it was asked for.
        digest: Of a registry, or else the image's id.
        architecture: As Docker says it: amd64, arm64.
        python: Its Python, such as 3.11.
        interpreter: Where that is, such as /usr/bin/python3.11.
        users: Its /etc/passwd.
        packages: Its /var/lib/dpkg/status; empty if it is no Debian.
    """

    name: str
    digest: str
    architecture: str
    python: str
    interpreter: str
    users: str
    packages: str

    @property
    def machine(self) -> str:
        """As wheels say it: x86_64, aarch64."""
        return {"amd64": "x86_64", "arm64": "aarch64"}[self.architecture]


def inspect(engine: "DockerClient", name: str) -> Base:
    """Reads what the trees need to know of a base image, without running anything in it.

    Raises:
        ImageFailed: It has no Python that the locks are for.
    """
    image = engine.images.get(name)
    container = engine.containers.create(image.id, ["true"], labels={"riva-ci": "inspect"})
    try:
        found = [
            (minor, path)
            for minor in _PYTHONS
            for path in (f"/usr/bin/python{minor}", f"/usr/local/bin/python{minor}")
            if _exists(container, path)
        ]
        if not found:
            raise ImageFailed(
                f"{name} has no Python {' or '.join(_PYTHONS)} in /usr/bin or /usr/local/bin",
                "the locks are for these versions",
                "take another base, or leave --base out: then one is made with debootstrap",
            )
        python, interpreter = found[0]
        return Base(
            name=name,
            digest=str([image.id, *image.attrs["RepoDigests"]][-1]).rpartition("@")[2],
            architecture=image.attrs["Architecture"],
            python=python,
            interpreter=interpreter,
            users=_read(container, "/etc/passwd"),
            packages=_read(container, _PACKAGE_LIST) if _exists(container, _PACKAGE_LIST) else "",
        )
    finally:
        container.remove(force=True)


def _exists(container: "Container", path: str) -> bool:
    try:
        container.get_archive(path)
    except NotFound:
        return False
    return True


def _read(container: "Container", path: str) -> str:
    chunks, _ = container.get_archive(path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        content = tar.extractfile(tar.getmembers()[0])
        assert content is not None
        return content.read().decode(errors="replace")


def debootstrap(engine: "DockerClient", name: str, *, mirror: str = MIRROR, epoch: int) -> None:
    """Makes a small Debian with Python and imports it as an image.

    Args:
        engine: The Docker engine.
        name: `repository:tag` for it.
        mirror: Where the packages come from; their signatures are checked against this machine's keys.
        epoch: Time that its files bear, in seconds since 1970.

    Raises:
        ImageFailed: debootstrap is missing, needs root, or failed.
    """
    program = shutil.which("debootstrap", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")
    if program is None or os.geteuid() != 0:
        raise ImageFailed(
            f"no base image {name} is here, and none can be made: "
            + ("debootstrap is missing" if program is None else "debootstrap needs root"),
            fix="sudo apt-get install debootstrap and run this as root; where images can be pulled, "
            "--base python:3.11-slim-bookworm does as well",
        )
    with tempfile.TemporaryDirectory(prefix="riva-ci-base-") as temporary:
        root = Path(temporary) / "root"
        _run_debootstrap(
            [program, "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root), mirror], epoch
        )
        for folder in _EMPTIED:
            for entry in (root / folder).glob("*"):
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        for file in _FOREIGN:
            (root / file).unlink(missing_ok=True)
        _import(engine, root, name, epoch)


def _run_debootstrap(command: list[str], epoch: int) -> None:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            output, _ = process.communicate()
        except BaseException:  # Ctrl-C: it has to take down what it has mounted before its folder can go
            process.terminate()
            process.wait()
            raise
    if process.returncode != 0:
        raise ImageFailed(
            f"debootstrap ended with {process.returncode}",
            "its last lines were:\n    " + "\n    ".join(output.splitlines()[-6:]),
            "check that the mirror can be reached, or name a base with --base",
        )


def _import(engine: "DockerClient", root: Path, name: str, epoch: int) -> None:
    """What `tar | docker import` does, with the time of every file set, so that the same files are the same layer."""
    repository, _, tag = name.rpartition(":")
    labels = {
        "org.opencontainers.image.title": f"Debian {SUITE} with Python",
        "org.opencontainers.image.description": f"debootstrap --variant=minbase --include={','.join(PACKAGES)} {SUITE}",
    }

    def dated(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = min(int(member.mtime), epoch)
        return member

    archive = root.parent / "root.tar"
    with tarfile.open(archive, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.add(root, arcname=".", filter=dated)
    engine.api.import_image(  # by its path: for an open file the SDK would lose patience after a minute
        src=str(archive),
        repository=repository,
        tag=tag,
        changes=[f'LABEL {key}="{value}"' for key, value in labels.items()],
    )
