"""The Docker engine of this machine: found as `docker` finds it, and what it refuses in words of ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ci.errors import EngineForbidden, EngineUnavailable

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["answering", "connect", "has_gpu"]


def connect() -> "DockerClient":
    """A client of the engine that DOCKER_HOST names, or of this machine's.

    Raises:
        EngineUnavailable: None answers.
        EngineForbidden: Its socket is not this user's to open.
    """
    import docker

    with answering():
        return docker.from_env()


@contextmanager
def answering() -> Iterator[None]:
    """Turns a lost connection into an error of ours; what the engine answers stays an `APIError`.

    Raises:
        EngineUnavailable: Nothing answers, or not any more.
        EngineForbidden: The socket is not this user's to open.
    """
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except APIError:
        raise
    except (DockerException, RequestException, HTTPError) as error:
        if any(isinstance(each, PermissionError) for each in _causes(error)):
            raise EngineForbidden(
                "the Docker engine's socket may not be opened by this user",
                why="only root and members of the group docker may; whoever can, is root on this machine in effect",
                fix="sudo usermod --append --groups docker $USER and a new login; or DOCKER_HOST of a rootless engine",
            ) from error
        raise EngineUnavailable(
            "no Docker engine answers",
            why=str(list(_causes(error))[-1]),
            fix="start it (sudo systemctl start docker; .ci/engine where there is no systemd), or correct DOCKER_HOST; "
            "--runtime local needs none",
        ) from error


def has_gpu(engine: "DockerClient") -> bool:
    """Whether containers can be given GPUs: NVIDIA's container toolkit has registered its runtime."""
    with answering():
        return "nvidia" in engine.info()["Runtimes"]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
