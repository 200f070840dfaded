"""Builds the images: a base, trees, a context, `docker build` for each target, and what came of it."""

import re
import stat
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from docker.errors import APIError, ImageNotFound

from ci.containers.base import Base, debootstrap, inspect
from ci.containers.bill import bill_of
from ci.containers.contents import IMAGES
from ci.containers.origin import Origin
from ci.containers.trees import HOME, links_tree, packages_tree, project_tree, user_tree
from ci.environments import ROOT
from ci.errors import ImageFailed
from ci.pipeline.display import stage_bar
from ci.runtime.engine import answering
from ci.runtime.registry import image_of

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

__all__ = ["Built", "build", "image_name"]

CACHE = ROOT / ".cache" / "images"
DOCKERFILE = Path(__file__).with_name("Dockerfile")
FILE_TIME = 315532800  # 1980-01-01, the oldest that zip knows: a layer changes when its content does, and not else
_STEP = re.compile(r"Step (?P<number>\d+)/(?P<all>\d+) : (?P<what>.{1,40})")
_REPOSITORY = "riva-speech"
_OF_ARCHITECTURE = {"amd64": "", "arm64": "-l4t-aarch64"}  # in the names of NVIDIA's images, which ours follow


@dataclass(frozen=True, kw_only=True)
class Built:
    """An image that was made.

    Attributes:
        name: `repository:tag`.
        size: Bytes of its layers.
        layers: Bytes of each layer, from the base upward.
        id: Its digest.
    """

    name: str
    size: int
    layers: tuple[int, ...]
    id: str


def image_name(target: str, *, prefix: str, version: str, architecture: str) -> str:
    """What an image is called: as NVIDIA's, in another repository."""
    part = "-servicemaker" if target == "servicemaker" else ""
    return f"{prefix}/{_REPOSITORY}:{version}{part}{_OF_ARCHITECTURE[architecture]}"


def build(engine: "DockerClient", *, prefix: str, version: str, base: str | None) -> Iterator[Built]:
    """Makes the images, one after the other.

    Args:
        engine: The Docker engine.
        prefix: What the names begin with, in place of NVIDIA's registry and team.
        version: The Riva version in the names.
        base: A base image, pulled if it is not there; None is `PREFIX/base:bookworm`, made if it is not there.

    Raises:
        ImageFailed: No base can be made, it does not suit, a package cannot be had, or the engine refuses.
        EngineUnavailable, ImageMissing, LoginRefused, PullFailed: As `ci.runtime` says.
    """
    origin = Origin.of(ROOT)
    with answering(), _explaining():
        found = inspect(engine, _base(engine, prefix, base, origin))
        for target in IMAGES:
            name = image_name(target, prefix=prefix, version=version, architecture=found.architecture)
            yield _build(engine, target, name, base=found, version=version, origin=origin)


@contextmanager
def _explaining() -> Iterator[None]:
    try:
        yield
    except APIError as error:
        raise ImageFailed(
            f"the Docker engine refuses: {error.explanation or error}",
            fix="its disk may be full: `docker system df` shows what is on it, `docker image rm` frees it",
        ) from error


def _base(engine: "DockerClient", prefix: str, wanted: str | None, origin: Origin) -> str:
    if wanted is not None:
        image_of(engine, wanted)
        return wanted
    name = f"{prefix}/base:bookworm"
    if not engine.images.list(name):
        with stage_bar(f"debootstrap {name}"):
            debootstrap(engine, name, epoch=origin.time)
    return name


def _build(engine: "DockerClient", target: str, name: str, *, base: Base, version: str, origin: Origin) -> Built:
    arguments = {
        "BASE": base.name,
        "BASE_DIGEST": base.digest,
        "CREATED": origin.created,
        "REVISION": origin.revision,
        "VERSION": version,
    }
    before = _find(engine, name)
    with stage_bar(name) as follow, _context(target, base, origin) as context:
        steps = engine.api.build(
            fileobj=context,
            custom_context=True,
            tag=name,
            target=target,
            buildargs=arguments,
            rm=True,
            forcerm=True,
            decode=True,
            timeout=None,
        )
        for step in steps:
            if "error" in step:
                raise ImageFailed(f"the engine could not build {name}: {step['error'].strip()}")
            if match := _STEP.match(step.get("stream", "")):
                follow(f"{match['what']}: {100 * int(match['number']) // int(match['all'])} %")
    made = engine.images.get(name)
    if before is not None and before.id != made.id:
        _remove_replaced(engine, before)
    layers = tuple(entry["Size"] for entry in reversed(made.history()) if entry["Size"])
    return Built(name=name, size=made.attrs["Size"], layers=layers, id=str(made.id))


@contextmanager
def _context(target: str, base: Base, origin: Origin) -> Iterator[IO[bytes]]:
    """What the engine is sent, as a tar archive: the Dockerfile and the folders that it copies for a target."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as temporary, tempfile.TemporaryFile(dir=CACHE) as context:
        work = Path(temporary)
        parts = {"user": [user_tree(base, work / "user")], "project": [project_tree(base, work / "project")]}
        for each in IMAGES if target == "speech" else [target]:
            own = links_tree(each, base, work / each)
            (own / HOME / "sbom.cdx.json").write_text(bill_of(each, base, made=origin.contents_time))
            parts[each] = [packages_tree(each, base, CACHE), own]
        _write_context(context, parts)
        context.seek(0)
        yield context


def _write_context(file: IO[bytes], parts: Mapping[str, Sequence[Path]]) -> None:
    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime, member.uid, member.gid, member.uname, member.gname = FILE_TIME, 0, 0, "", ""
        if not member.mode & stat.S_ISVTX:  # folders for everybody stay so; the rest knows no umask
            member.mode = 0o755 if member.mode & stat.S_IXUSR else 0o644
        return member

    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.add(DOCKERFILE, arcname="Dockerfile", filter=plain)
        for name, trees in parts.items():
            for tree in trees:
                tar.add(tree, arcname=name, filter=plain)


def _find(engine: "DockerClient", name: str) -> "Image | None":
    try:
        return engine.images.get(name)
    except ImageNotFound:
        return None


def _remove_replaced(engine: "DockerClient", image: "Image") -> None:
    """The image that had the name before; not while a container uses it, or it has another name."""
    try:
        image.reload()
        if not image.tags:
            engine.images.remove(image.id)
    except APIError:
        return
