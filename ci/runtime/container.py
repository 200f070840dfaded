"""Runs Riva's tools in its images, NVIDIA's or this repository's, as the guide runs them by hand.

riva-build and riva-deploy run in the ServiceMaker image, start-riva in the speech image. The verdict and the judge run
on this machine. So does the export for images of this repository, whose riva-build reads what nemo2riva writes here;
NVIDIA's reads only what NVIDIA's own nemo2riva wrote, which runs in a NeMo image.
"""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ci.errors import ContainerFailed, ImageMissing
from ci.runtime import Command, Running, local
from ci.runtime.archives import check_archives
from ci.runtime.clean import with_clean_checkpoints
from ci.runtime.contained import STOP_SECONDS, Contained
from ci.runtime.engine import answering, has_gpu
from ci.runtime.ownership import LABEL, labels_of_this_process
from ci.runtime.registry import image_of
from ci.runtime.spelling import PORT, Spelled, spell
from ci.runtime.sweep import remove, remove_abandoned
from pipelines.compatibility import RivaVersion

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container
    from docker.models.images import Image

__all__ = ["Containers"]

OWN_LABEL = ("org.opencontainers.image.title", "riva-ci")  # of every image that `nox -s images` makes
_COLUMNS = {"riva-build": "servicemaker", "riva-deploy": "servicemaker", "start-riva": "server"}
_PLATFORMS = {"x86_64": "x86-gpu", "aarch64": "jetson"}  # the table's, by the engine's architecture
_STACK_BYTES = 67108864


class Containers:
    """A `ci.runtime.Runtime`: the tools of one Riva version in containers of a Docker engine."""

    def __init__(
        self, engine: "DockerClient", riva: RivaVersion, *, prefix: str | None = None, export_image: str | None = None
    ) -> None:
        """Removes what killed runs left behind.

        Args:
            engine: The Docker engine.
            riva: The version that names the images, by the compatibility table.
            prefix: What stands before the names of this repository's images; None is NVIDIA's images.
            export_image: The NeMo image with NVIDIA's nemo2riva of that version, for NVIDIA's images.
        """
        self._engine, self._riva, self._prefix, self._export_image = engine, riva, prefix, export_image
        self._nvidia = prefix is None
        self._images: dict[str, Image] = {}
        for name in remove_abandoned(engine):
            print(f"note: removed the container {name} of a run that was killed", file=sys.stderr, flush=True)

    def identity(self, tool: str) -> str:
        """The image by name and digest, or the environment of a tool that runs on this machine."""
        if not self._is_contained(tool):
            return local.identity(tool)
        image = self._image(tool)
        pulled = image.attrs["RepoDigests"]  # none of an image that was built here; its id is a digest too
        return " ".join((self._image_name(tool), *pulled[:1], str(image.id)))

    def prepare(self, command: Command) -> None:
        """Pulls the image unless it is there, or sets the environment up."""
        if self._is_contained(command.tool):
            self._image(command.tool)
        else:
            local.prepare(command)

    def start(self, command: Command) -> AbstractContextManager[Running]:
        """Starts a tool; leaving the block, in whatever way, stops and removes its container.

        Raises:
            ForeignArchive, MixedArchives: An archive was made by other tools than those that shall read it.
            ContainerFailed: The engine refuses to start it.
            EngineUnavailable: The engine went away.
            RivaError: A checkpoint that was to be loaded is refused by the verdict.
        """
        if not self._is_contained(command.tool):
            return local.start(command)
        return self._start_export(command) if command.tool == "nemo2riva" else self._start(command)

    @contextmanager
    def _start_export(self, command: Command) -> Iterator[Contained]:
        with with_clean_checkpoints(command) as cleaned, self._start(cleaned) as running:
            yield running

    @contextmanager
    def _start(self, command: Command) -> Iterator[Contained]:
        from docker.errors import APIError

        check_archives(command, nvidia=self._nvidia)
        spelled = spell(command, own=not self._nvidia)
        name = f"riva-ci-{command.tool}-{secrets.token_hex(4)}"
        with answering():
            try:
                try:
                    container = self._create(command.tool, name, spelled)
                    running = Contained(
                        container,
                        tool=command.tool,
                        log=command.log,
                        address=spelled.address,
                        judged=not self._nvidia,
                    )
                except APIError as error:
                    raise _refused(command, error) from error
                yield running
            finally:
                self._end(name)

    def _create(self, tool: str, name: str, spelled: Spelled) -> "Container":
        from docker.types import Ulimit

        options: dict[str, Any] = {}
        if spelled.address is not None:
            options["ports"] = {f"{PORT}/tcp": (spelled.address.host, spelled.address.port or None)}
            options["ipc_mode"] = "host"
            options["ulimits"] = [
                Ulimit(name="memlock", soft=-1, hard=-1),
                Ulimit(name="stack", soft=_STACK_BYTES, hard=_STACK_BYTES),
            ]
        if tool == "nemo2riva":  # loads the checkpoint, which is a stranger's
            options["network_mode"] = "none"
            options["user"] = f"{os.getuid()}:{os.getgid()}"
            options["environment"] = {"HOME": "/tmp"}  # noqa: S108 - the container's own
        return self._engine.containers.create(
            self._image(tool).id,
            list(spelled.words),
            name=name,
            labels={f"{LABEL}.tool": tool, **labels_of_this_process()},
            mounts=spelled.binds(),
            init=True,
            **self._gpus,
            **options,
        )

    def _end(self, name: str) -> None:
        """Stops and removes a container by its name: an interrupt may come before its id is known."""
        from docker.errors import NotFound

        try:
            self._engine.api.stop(name, timeout=STOP_SECONDS)
        except NotFound:
            return
        finally:
            remove(self._engine, name)

    @cached_property
    def _gpus(self) -> dict[str, Any]:
        from docker.types import DeviceRequest

        if not has_gpu(self._engine):
            print("note: the Docker engine has no GPU: --gpus is left out", file=sys.stderr, flush=True)
            return {}
        if self._platform == "jetson":
            return {"runtime": "nvidia"}
        return {"device_requests": [DeviceRequest(device_ids=["0"], capabilities=[["gpu"]])]}

    @cached_property
    def _platform(self) -> str:
        with answering():
            architecture = self._engine.info()["Architecture"]
        if architecture not in _PLATFORMS:
            raise ImageMissing(f"there are no Riva images for {architecture}", fix=f"known: {', '.join(_PLATFORMS)}")
        return _PLATFORMS[architecture]

    def _is_contained(self, tool: str) -> bool:
        return tool in _COLUMNS or (tool == "nemo2riva" and self._nvidia)

    def _image(self, tool: str) -> "Image":
        name = self._image_name(tool)
        if name not in self._images:
            self._images[name] = image_of(self._engine, name)
            if not self._nvidia and OWN_LABEL not in self._images[name].labels.items():
                raise ImageMissing(
                    f"{name} is not an image of this repository: it has no label {'='.join(OWN_LABEL)}",
                    why="another image has that name, such as one of NVIDIA's on a mirror; its tools read other files",
                    fix="nox -s images makes ours; NVIDIA's run without --image-prefix",
                )
        return self._images[name]

    def _image_name(self, tool: str) -> str:
        if tool == "nemo2riva":
            return self._export_image or self._no_export_image()
        cell = getattr(self._riva.platforms[self._platform], _COLUMNS[tool])
        if cell.value is None:
            raise ImageMissing(
                f"no source names the image of {tool} of Riva {self._riva.version} on {self._platform}",
                why=f"looked for in: {cell.source}",
                fix="choose another version (export: riva-version), or add what you know to compatibility.yaml",
            )
        return str(cell.image(self._prefix))

    def _no_export_image(self) -> str:
        raise ImageMissing(
            f"no image is named for the export with NVIDIA's nemo2riva {self._riva.version}",
            why="NVIDIA's riva-build reads only what NVIDIA's nemo2riva writes, and no source names an image with it",
            fix="make one from a NeMo image (ci/runtime/README.md) and name it with --export-image; or take the images "
            "of this repository (--image-prefix)",
        )


def _refused(command: Command, error: Any) -> ContainerFailed:
    return ContainerFailed(
        f"the Docker engine did not start a container for {command.tool}",
        why=str(error.explanation or error),
        fix="a port that is taken: choose another; a missing tool: the image is not one of Riva's (nox -s images)",
    )
