"""`manifest.yaml` of an archive: what is written into it, and what is believed of one that comes from elsewhere."""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from pipelines.archive.plain_yaml import PlainDumper
from pipelines.errors import ForeignArchive, NotAnArchive

__all__ = ["ARTIFACTS", "MANIFEST", "MANIFEST_LIMIT", "dump_manifest", "parse_manifest"]

MANIFEST = "manifest.yaml"
ARTIFACTS = "artifacts/"
MANIFEST_LIMIT = 1 << 20  # it is kilobytes; a hostile one must fill neither the memory nor the afternoon
_DIGEST = re.compile(r"[0-9a-f]{64}")
_EFF_ATTRIBUTES = ("artifact_type", "content_callback")  # of every artifact that nvidia-eff wrote
_WHAT_MAKES_ONE = "make a .riva with nemo2riva, and an .rmir from it with riva-build"


class _Digest(str):
    """Always quoted, so that a manifest's length does not depend on its digests."""

    __slots__ = ()


class _Dumper(PlainDumper):
    """With digests in quotes."""


_Dumper.add_representer(_Digest, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'"))


class _Loader(yaml.SafeLoader):
    """Plain data only. Aliases, which can make a kilobyte expand without end, are never written, so none is read."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has aliases")
        return super().compose_node(parent, index)


def dump_manifest(facts: Mapping[str, Any], artifacts: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Returns the manifest of an archive.

    Args:
        facts: Everything but `artifacts`.
        artifacts: What is said of each artifact, its `sha256` among it.
    """
    described = {name: {**said, "sha256": _Digest(said["sha256"])} for name, said in artifacts.items()}
    text: str = yaml.dump({**facts, "artifacts": described}, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text.encode()


def parse_manifest(text: bytes, path: Path) -> dict[str, Any]:
    """Reads a manifest and checks everything that this package relies on.

    Args:
        text: Its bytes.
        path: The archive, for messages.

    Raises:
        ForeignArchive: NVIDIA's EFF tools wrote it.
        NotAnArchive: It is not plain YAML, or not of the form that `write_archive` writes.
    """
    try:
        manifest = yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = str(error).replace("\n", " ")[:200]
        raise NotAnArchive(f"{path}: {MANIFEST} is not plain YAML: {reason}", fix=_WHAT_MAKES_ONE) from error
    artifacts = manifest.get("artifacts") if isinstance(manifest, dict) else None
    if isinstance(artifacts, dict):
        _refuse_eff(artifacts, path)
    problem = _problem(manifest, artifacts)
    if problem:
        raise NotAnArchive(
            f"{path}: {MANIFEST} {problem}", "another tool wrote it, or it was changed by hand", _WHAT_MAKES_ONE
        )
    return dict(manifest)


def _problem(manifest: object, artifacts: object) -> str:
    if not isinstance(manifest, dict):
        return "is not a mapping of names"
    if strange := next(_strange(manifest), ""):
        return f"holds {strange}, expected text, finite numbers, lists and mappings"
    if not isinstance(artifacts, dict):
        return "lists no artifacts"
    for name, said in artifacts.items():
        if not isinstance(name, str) or not _is_safe(name):
            return f"names an artifact {str(name)[:100]!r}, which is no name of a file below {ARTIFACTS}"
        if not isinstance(said, dict):
            return f"says nothing of {name}"
        if not isinstance(said.get("sha256"), str) or not _DIGEST.fullmatch(said["sha256"]):
            return f"has no sha256 of {name}"
        if type(said.get("size")) is not int or said["size"] < 0:
            return f"has no size of {name}"
    return next(
        (
            f"has a {key} that is not a mapping"
            for key in ("metadata", "riva_ci", "source", "options")
            if not isinstance(manifest.get(key, {}), dict)
        ),
        "",
    )


def _strange(node: object) -> Iterator[str]:
    """What is in a tree and could not be in a JSON document."""
    if isinstance(node, dict):
        yield from (f"the key {key!r}"[:100] for key in node if not isinstance(key, str))
        for child in node.values():
            yield from _strange(child)
    elif isinstance(node, list):
        for child in node:
            yield from _strange(child)
    elif isinstance(node, float):
        yield from [] if math.isfinite(node) else [f"the number {node}"]
    elif not isinstance(node, str | int | None):
        yield f"a {type(node).__name__}"


def _is_safe(name: str) -> bool:
    path = PurePosixPath(name)
    return str(path) == name != "." and not path.is_absolute() and ".." not in path.parts and name.isprintable()


def _refuse_eff(artifacts: Mapping[object, object], path: Path) -> None:
    """EFF is NVIDIA's container of nemo2riva and NGC; its encryption is not published.

    What is known of it: a gzip tar with the members of ours, whose manifest gives every artifact `artifact_type`,
    `content_callback` and `encryption` (False, or the scheme).
    """
    found = [said for said in artifacts.values() if isinstance(said, dict) and set(_EFF_ATTRIBUTES) & set(said)]
    if not found:
        return
    encrypted = any(said.get("encryption") for said in found)
    raise ForeignArchive(
        f"{path} is an {'encrypted ' * encrypted}EFF archive of NVIDIA's own nemo2riva or of NGC",
        "its encryption is not published" if encrypted else "it lacks the facts of the export that riva-build needs",
        "run nemo2riva of this project on the .nemo checkpoint; or give the archive to NVIDIA's riva-build and "
        "riva-deploy in their servicemaker image (the container runtime)",
    )
