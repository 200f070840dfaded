"""Programs that trust a checkpoint, each in a few lines: what happens to people without a firewall.

They are here to prove that the fixtures are armed. Run them on nothing else.
"""

import importlib
import io
import pickle
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

__all__ = ["instantiate", "run_pipes", "unpack", "unpickle", "unpickle_members", "unsafe_yaml"]


class _Anything:
    """Stands for whatever torch would make."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass

    def __setitem__(self, _: object, __: object) -> None:
        pass


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return _Anything if module.split(".")[0] == "torch" else super().find_class(module, name)

    def persistent_load(self, _: object) -> object:
        return _Anything()


def _load_all(content: bytes) -> None:
    """Unpickles one object after the other until something is wrong, as loaders of torch's old format do."""
    stream = io.BytesIO(content)
    while stream.tell() < len(content):
        try:
            _Unpickler(stream).load()
        except Exception:  # a payload has run by then, or never will
            return


def _read(path: Path, name: str) -> bytes:
    with tarfile.open(path) as tar:
        stream = tar.extractfile(next(member for member in tar.getmembers() if Path(member.name).name == name))
        assert stream is not None
        return stream.read()


def unpickle(path: Path) -> None:
    """Loads the weights like torch.load without `weights_only`: every record that is a pickle."""
    content = _read(path, "model_weights.ckpt")
    if content.startswith(b"\x80"):
        _load_all(content)
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for record in archive.infolist():
            if not record.filename.rpartition("/")[2].isdecimal():
                _load_all(archive.read(record))


def unpickle_members(path: Path) -> None:
    """Unpickles every member that can be, as readers of tokenizers do."""
    with tarfile.open(path) as tar:
        for member in tar:
            stream = tar.extractfile(member)
            _load_all(stream.read() if stream else b"")


def instantiate(path: Path) -> None:
    """Makes what `_target_`, `target` or `cls` names, with the arguments beside it, as Hydra and old NeMo do."""
    config = yaml.safe_load(_read(path, "model_config.yaml"))
    for section in _mappings(config):
        for key in ("_target_", "target", "cls"):
            name = section.get(key)
            if isinstance(name, str) and not name.startswith("nemo."):
                module, _, function = name.rpartition(".")
                arguments = [*section.get("_args_", []), *section.get("params", {}).values()]
                getattr(importlib.import_module(module), function)(*arguments)


def _mappings(node: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        yield node
    for child in node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ():
        yield from _mappings(child)


def unsafe_yaml(path: Path) -> None:
    """Reads the configuration with a loader that makes objects."""
    yaml.unsafe_load(_read(path, "model_config.yaml"))


def run_pipes(path: Path) -> None:
    """Opens training data as loaders of tarred datasets do: `pipe:` is a command."""
    config = yaml.safe_load(_read(path, "model_config.yaml"))
    for section in _mappings(config):
        for value in section.values():
            if isinstance(value, str) and value.startswith("pipe:"):
                subprocess.run(value.removeprefix("pipe:"), shell=True, check=True)


def unpack(path: Path) -> None:
    """Unpacks the archive without a filter, into a folder beside it, as old NeMo did."""
    folder = path.with_suffix(".unpacked")
    folder.mkdir()
    with tarfile.open(path) as tar:
        if hasattr(tarfile, "fully_trusted_filter"):  # since 3.11.4 there are filters
            tar.extraction_filter = tarfile.fully_trusted_filter
        tar.extractall(folder)
