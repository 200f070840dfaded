"""The versions that an export runs with, compared with the schema, the checkpoint and the compatibility table."""

import importlib.metadata

from packaging.version import InvalidVersion, Version

from pipelines.archive.schema import Schema
from pipelines.compatibility import RivaVersion, compatibility
from pipelines.errors import ExportFailed, SchemaViolated
from pipelines.verdict.compatibility import check_packages, check_pairs

__all__ = ["check_environment"]


def check_environment(schema: Schema, *, obj_cls: str, saved_by: str, riva: RivaVersion, strict: bool) -> list[str]:
    """Returns a warning for everything that may be why a restore or an export fails, or that makes it dangerous.

    Args:
        schema: The schema of the model's class.
        obj_cls: The class as Riva's schemas spell it.
        saved_by: The NeMo version in the checkpoint, or an empty string.
        riva: The Riva that must be able to load the network.
        strict: Whether a NeMo older than the schema asks for is an error.

    Raises:
        ExportFailed: NeMo is not installed.
        SchemaViolated: NeMo is too old, and `strict`.
        UnsupportedCheckpoint: The versions that meet here are a known bad pair.
    """
    nemo = _installed("nemo_toolkit")
    if nemo is None:
        why = "nemo2riva needs an environment of its own (extra `export`)"
        raise ExportFailed("NeMo is not installed in this environment", why, "run it through `nox -s export`")
    torch = _installed("torch") or ""
    packages = {"nemo": nemo, "torch": torch, "onnx": _installed("onnx"), "numpy": _installed("numpy")}
    for finding in check_pairs(
        {"class": obj_cls, "saved-by": saved_by, "nemo": nemo, "torch": torch, "riva": riva.version}
    ):
        raise finding.as_error()
    untried = check_packages({name: version for name, version in packages.items() if version})
    notes = [f"{finding.what} [{finding.rule.id}]: {finding.fix}" for finding in untried]
    notes += [f"Riva {riva.version} carries {advisory}" for advisory in riva.advisories]
    for product, version in (("nemo", nemo), ("torch", torch)):
        notes += [f"{product} {version} carries {each}" for each in compatibility().advisories_of(product, version)]
    if _older(nemo, schema.min_nemo_version):
        text = f"this model requires nemo_toolkit >={schema.min_nemo_version}, {nemo} is installed"
        if strict:
            raise SchemaViolated(text, fix=f"install nemo_toolkit >={schema.min_nemo_version}")
        notes.append(text)
    elif _older(nemo, saved_by):
        notes.append(
            f"NeMo {saved_by} saved the checkpoint, {nemo} is installed: if it cannot be restored, that is why"
        )
    return notes


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _older(version: str, other: str) -> bool:
    """Whether a version is older than another; nobody can say so of what is not a version."""
    try:
        return Version(version) < Version(other)
    except InvalidVersion:
        return False
