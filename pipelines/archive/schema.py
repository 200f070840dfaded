"""Schemas of `.riva` archives: how a model class is exported and what its archive must hold.

The format is that of nemo2riva 2.16 (`validation_schemas/*.yaml`), so that a schema written for it works here:

    metadata:              list of facts; `obj_cls` and `min_nemo_version` are read
    artifact_properties:   files that must be there; `NAME: {attribute: value}` is also compared with the manifest
    artifact_content:      `FILE: [dotted key, ...]`: keys of a YAML artifact; `key: true` also wants the file it names

`file_properties` is an older name of `artifact_properties`. A file whose name says that it is a graph or a set of
weights is one that the export makes; its attributes `export_subnet`, `autocast`, `max_dim` and `encryption` say how.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipelines.errors import MissingInput, UsageError

__all__ = ["Export", "Schema"]

_EXPORTED_SUFFIXES = (".onnx", ".ckpt", ".pt", ".ts", ".nemo")
_EXPORT_INSTRUCTIONS = ("export_subnet", "autocast", "max_dim", "encryption")  # not facts about the archive


@dataclass(frozen=True, kw_only=True)
class Export:
    """A file that the export makes, and how.

    Args:
        name: The artifact.
        subnet: The part of the model, or None for the whole.
        autocast: Whether to export in half precision where there is a GPU.
        max_dim: Largest length of the example input in frames, or None for the encoder's own.
        encryption: Whether the file may only be stored encrypted.
    """

    name: str = "model_graph.onnx"
    subnet: str | None = None
    autocast: bool = False
    max_dim: int | None = None
    encryption: bool = False


@dataclass(frozen=True, kw_only=True)
class Schema:
    """What the archive of a model class holds; see the module's text."""

    path: Path
    obj_cls: str
    min_nemo_version: str
    files: Mapping[str, Mapping[str, Any]]
    content: Mapping[str, Mapping[str, bool]]

    @classmethod
    def load(cls, path: Path) -> "Schema":
        """Reads a schema file.

        Raises:
            MissingInput: There is no such file.
            UsageError: It is not a schema.
        """
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
            metadata = _merged(document.get("metadata"))
            files = _merged(document.get("artifact_properties", document.get("file_properties")))
            content = _merged(document.get("artifact_content"))
        except FileNotFoundError as error:
            raise MissingInput(f"there is no schema {path}", fix="check the path of --schema") from error
        except (yaml.YAMLError, UnicodeDecodeError, AttributeError, TypeError) as error:
            fix = "see the schemas beside the pipelines for the form"
            raise UsageError(f"{path} is not a schema: {error}", fix=fix) from error
        return cls(
            path=path,
            obj_cls=str(metadata.get("obj_cls") or ""),
            min_nemo_version=str(metadata.get("min_nemo_version") or ""),
            files={name: attributes or {} for name, attributes in files.items()},
            content={name: _merged(keys) for name, keys in content.items()},
        )

    @property
    def exports(self) -> tuple[Export, ...]:
        """The files that the export makes; the whole model as ONNX if the schema names none."""
        found = tuple(
            Export(
                name=name,
                subnet=attributes.get("export_subnet"),
                autocast=bool(attributes.get("autocast", False)),
                max_dim=attributes.get("max_dim"),
                encryption=bool(attributes.get("encryption", False)),
            )
            for name, attributes in self.files.items()
            if name.lower().endswith(_EXPORTED_SUFFIXES)
        )
        return found or (Export(),)

    def violations(
        self, metadata: Mapping[str, Any], artifacts: Mapping[str, Mapping[str, Any]], config: Mapping[str, Any]
    ) -> Iterator[str]:
        """Yields what an archive lacks, one sentence each.

        Args:
            metadata: The manifest's metadata.
            artifacts: The manifest's artifacts with their attributes.
            config: The content of `model_config.yaml`, the only artifact whose content schemas look at.
        """
        if self.obj_cls and metadata.get("obj_cls") != self.obj_cls:
            yield f"obj_cls is {metadata.get('obj_cls')}, expected {self.obj_cls}"
        for name, attributes in self.files.items():
            if name not in artifacts:
                yield f"{name} is missing"
                continue
            for attribute, value in attributes.items():
                if attribute not in _EXPORT_INSTRUCTIONS and artifacts[name].get(attribute) != value:
                    yield f"{name}: {attribute} is {artifacts[name].get(attribute)}, expected {value}"
        for name, keys in self.content.items():
            for key, is_file in keys.items():
                value = _look_up(config, key) if name == "model_config.yaml" else None
                if value is None:
                    yield f"{name}: {key} is missing"
                elif is_file and str(value).removeprefix("nemo:") not in artifacts:
                    yield f"{name}: {key} names {value}, which is not in the archive"


def _merged(items: Any) -> dict[str, Any]:
    """A list of names and one-entry mappings, as schemas write them, as one mapping; a bare name has no value."""
    merged: dict[str, Any] = {}
    for item in items or []:
        merged.update(item if isinstance(item, dict) else {item: None})
    return merged


def _look_up(config: Mapping[str, Any], key: str) -> Any:
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
