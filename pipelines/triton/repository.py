"""A Triton model repository: `<model>/config.pbtxt` and `<model>/1/...`, written, then compared with what was meant."""

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.digests import file_digest
from pipelines.errors import InternalError, NameClash, NotARepository, NotDeployable
from pipelines.triton.model_config import CONFIG_FILE, read_config, write_config

if TYPE_CHECKING:
    from tritonclient.grpc.model_config_pb2 import ModelConfig

__all__ = ["VERSION", "TritonModel", "check_models", "model_names", "write_models"]

VERSION = "1"  # a deployed repository holds one version of each model


@dataclass(frozen=True, kw_only=True)
class TritonModel:
    """A model as it will stand in the repository.

    Args:
        config: Its configuration; the name in it is the folder's.
        files: What its version folder holds, by relative path: the bytes, or a file to copy.
    """

    config: "ModelConfig"
    files: Mapping[str, bytes | Path]

    @property
    def name(self) -> str:
        """Name of the model and of its folder."""
        return str(self.config.name)


def write_models(models: Iterable[TritonModel], repository: Path) -> None:
    """Writes models into a repository that is not served yet.

    Raises:
        NameClash: A model of that name is there already.
        NotDeployable: A name leads out of the repository.
    """
    for model in models:
        folder = repository / model.name
        if folder.parent != repository or model.name in (".", ".."):
            raise NotDeployable(
                f"{model.name!r} cannot name a model: it is not the name of a folder",
                "the RMIR was not made by riva-build, or was changed afterwards",
                "make the RMIR again with riva-build",
            )
        if folder.exists():
            raise NameClash(
                f"two pipelines make a model named {model.name}",
                "they were built with the same --name",
                "give each riva-build its own --name",
            )
        (folder / VERSION).mkdir(parents=True)
        write_config(model.config, folder)
        for name, source in model.files.items():
            path = folder / VERSION / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(source, bytes):
                path.write_bytes(source)
            elif not (source.is_relative_to(repository) and _linked(source, path)):
                shutil.copyfile(source, path)


def _linked(source: Path, path: Path) -> bool:
    """Gives a file that was made for this repository its name there: it is gigabytes, and there already."""
    try:
        path.hardlink_to(source)
    except OSError:  # not every file system has links
        return False
    return True


def check_models(models: Iterable[TritonModel], repository: Path) -> None:
    """Compares a written repository with what was meant, by content.

    Raises:
        InternalError: A model is missing, another one is there, or a configuration or file differs.
    """
    expected = {model.name: model for model in models}
    if (found := model_names(repository)) != sorted(expected):
        raise InternalError(f"{repository} holds the models {found}, expected {sorted(expected)}")
    for name, model in expected.items():
        folder = repository / name
        if read_config(folder / CONFIG_FILE) != model.config:
            raise InternalError(f"{folder / CONFIG_FILE} is not the configuration that was written")
        files = {str(path.relative_to(folder / VERSION)) for path in (folder / VERSION).rglob("*") if path.is_file()}
        if files != set(model.files):
            raise InternalError(f"{folder} holds {sorted(files)}, expected {sorted(model.files)}")
        for file, source in model.files.items():
            path = folder / VERSION / file
            linked = isinstance(source, Path) and path.samefile(source)
            if not linked and _digest(path) != _digest(source):
                raise InternalError(f"{path} is not the file that was written")


def _digest(source: bytes | Path) -> str:
    return hashlib.sha256(source).hexdigest() if isinstance(source, bytes) else file_digest(source)


def model_names(repository: Path) -> list[str]:
    """Returns the names of the models in a repository.

    Raises:
        NotARepository: There is no such folder, or it holds no model.
    """
    names = sorted(path.parent.name for path in repository.glob(f"*/{CONFIG_FILE}")) if repository.is_dir() else []
    if not names:
        raise NotARepository(
            f"{repository} holds no model" if repository.is_dir() else f"there is no folder {repository}",
            "riva-deploy did not write there",
            "deploy first: riva-deploy NAME.rmir " + str(repository),
        )
    return names
