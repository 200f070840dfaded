"""Images pulled from a registry: three tries, by digest, with a key that no command line and no file sees."""

import os
import sys
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ci.errors import ImageMissing, LoginRefused, PullFailed
from ci.runtime.engine import answering
from pipelines.compatibility import NGC
from pipelines.progress import progress

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

__all__ = ["image_of"]

KEY_VARIABLE = "NGC_API_KEY"
TRIES = 3
PAUSE_SECONDS = 5.0


class _Broken(Exception):
    """What the engine says in the middle of a pull, after its status was already 200."""


def image_of(engine: "DockerClient", name: str) -> "Image":
    """The image of a name; what this machine has is not pulled again.

    Args:
        engine: The Docker engine.
        name: As `docker pull` takes it: `REPOSITORY:TAG` or `REPOSITORY@DIGEST`.

    Raises:
        ImageMissing: The registry has no such image.
        LoginRefused: The registry does not accept the key, or wants one.
        PullFailed: Three tries failed.
        EngineUnavailable: The engine went away.
    """
    from docker.errors import ImageNotFound

    with answering():
        try:
            return engine.images.get(name)
        except ImageNotFound:
            return _pull(engine, name)


def _pull(engine: "DockerClient", name: str) -> "Image":
    from docker.errors import APIError

    login = _login(name)
    for attempt in range(1, TRIES + 1):
        try:
            return _pull_once(engine, name, login)
        except (APIError, _Broken) as error:
            _refuse(name, login, error)
            reason = getattr(error, "explanation", None) or str(error)
            print(f"Pulling {name}: attempt {attempt} of {TRIES} failed: {reason}", file=sys.stderr, flush=True)
            cause = error
        if attempt < TRIES:
            time.sleep(PAUSE_SECONDS)
    raise PullFailed(
        f"{name} could not be pulled in {TRIES} tries",
        why=f"the engine said last: {reason}",
        fix="check the network, the proxy of the Docker engine, and its disk (docker system df)",
    ) from cause


def _pull_once(engine: "DockerClient", name: str, login: Mapping[str, str] | None) -> "Image":
    """Asks for the digest first, so that what is recorded is what was pulled, whoever moves the tag meanwhile."""
    repository, tag = _parts(name)
    digest = engine.api.inspect_distribution(name, auth_config=login)["Descriptor"]["digest"]
    _show(name, engine.api.pull(repository, tag=digest, stream=True, decode=True, auth_config=login))
    image = engine.images.get(f"{repository}@{digest}")
    if not tag.startswith("sha256:"):
        image.tag(repository, tag)
        image.reload()
    return image


def _show(name: str, events: Iterable[Mapping[str, Any]]) -> None:
    """Shows the progress that the engine reports: the mean of the layers, since it tells no size before it begins."""
    layers: dict[str, float] = {}
    shown = 0.0
    with progress(f"Pulling {name}", 1.0) as bar:
        for event in events:
            if "error" in event:
                raise _Broken(event["error"])
            layer, status, detail = event.get("id", ""), event.get("status", ""), event.get("progressDetail") or {}
            if status == "Pulling fs layer":
                layers[layer] = 0.0
            elif status in ("Download complete", "Pull complete", "Already exists"):
                layers[layer] = 1.0
            elif status == "Downloading" and detail.get("total"):
                layers[layer] = detail["current"] / detail["total"]
            done = sum(layers.values()) / len(layers) if layers else 0.0
            if done > shown:
                bar.advance(done - shown)
                shown = done


def _login(name: str) -> dict[str, str] | None:
    """User and key of NGC from the environment; for the rest what `docker login` has kept."""
    if _registry(name) == NGC and (key := os.environ.get(KEY_VARIABLE)):
        return {"username": "$oauthtoken", "password": key}
    return None


def _refuse(name: str, login: Mapping[str, str] | None, error: Exception) -> None:
    """Raises what another try would not change."""
    status, said = getattr(error, "status_code", None), getattr(error, "explanation", "") or ""
    registry = _registry(name)
    # A registry with basic authentication and no user: the engine has a text for it and no status of its own.
    unknown = "no basic auth credentials" in said
    if status in (401, 403) or unknown:
        tried = f"with the key in {KEY_VARIABLE}" if login else "with what `docker login` has kept, if anything"
        raise LoginRefused(
            f"{registry} refused the login for {name}",
            why=f"it was asked {tried}; it said: {said}",
            fix=f"put a valid key of ngc.nvidia.com into {KEY_VARIABLE}"
            if registry == NGC
            else f"docker login {registry}",
        ) from error
    if status in (400, 404):
        hint = f", or set {KEY_VARIABLE}, without which {NGC} hides what is not public" if registry == NGC else ""
        raise ImageMissing(
            f"there is no image {name}",
            why=f"it is not on this machine, and {registry} said: {said}",
            fix=f"check the name and the Riva version; images of this repository: nox -s images{hint}",
        ) from error


def _parts(name: str) -> tuple[str, str]:
    from docker.utils import parse_repository_tag

    repository, tag = parse_repository_tag(name)
    return repository, tag or "latest"


def _registry(name: str) -> str:
    from docker.auth import resolve_repository_name

    return str(resolve_repository_name(_parts(name)[0])[0])
