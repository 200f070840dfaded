"""The build stage: `.riva` archives and options become an RMIR, which says all that a deployment needs to know.

    manifest.yaml     format: rmir, pipeline, name, options (all of them, settled), options_set (those that were typed),
                      inputs (name and sha256 of each .riva and of the checkpoint it was made from), source (what the
                      first .riva says of itself), riva_ci (version)
    artifacts/<name>  the artifacts of the .riva, plain, and files that options named, as <option>/<file name>

Members are streamed from archive to archive; an RMIR with a key is encrypted as a whole.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pipelines
from pipelines.archive.archive import Archive, Member, write_archive
from pipelines.archive.damage import using
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.build_options import files_of
from pipelines.cli.flags import flags_of, to_mapping
from pipelines.compatibility import riva_version
from pipelines.contract import Pipeline
from pipelines.digests import file_digest
from pipelines.errors import NotAnArchive, UsageError, WrongClass
from pipelines.verdict.compatibility import check_graph

__all__ = ["RMIR_FORMAT", "BuildRequest", "build_rmir", "settled_options"]

RMIR_FORMAT = "rmir"
RMIR_FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """What `riva-build` was asked for.

    Args:
        pipeline: The room that knows the options.
        output: The RMIR to write, and its key if it is to be encrypted.
        inputs: The `.riva` archives.
        options: An instance of `pipeline.options`, as typed.
        given: Names of the options that were typed.
        force: Whether an existing RMIR is replaced.
    """

    pipeline: Pipeline[Any]
    output: EncryptedPath
    inputs: tuple[EncryptedPath, ...]
    options: object
    given: frozenset[str]
    force: bool = False


def settled_options(request: BuildRequest) -> object:
    """The options as they would be built: checked, nothing left open.

    Raises:
        RivaError: As `build_rmir`, outputs apart.
    """
    with ExitStack() as files:
        return _settled(request, _open(request, files))


def build_rmir(request: BuildRequest) -> object:
    """Writes the RMIR; returns the options as they were built.

    Raises:
        MissingInput: There is no such `.riva`.
        NotAnArchive: An input is not a `.riva` of this project's nemo2riva.
        ForeignArchive: An input was made by NVIDIA's own nemo2riva.
        TruncatedArchive: A `.riva` is damaged.
        WrongKey: A `.riva` is encrypted and its key is missing or wrong.
        TamperedArchive: A `.riva` is encrypted and was changed.
        WrongClass: A `.riva` holds a model that the pipeline does not serve.
        UsageError: Options are missing, impossible, or at odds with each other or with the model.
        OutputError: The RMIR exists, is being written by another process, or cannot be written.
    """
    if any(_same(request.output.path, riva.path) for riva in request.inputs):
        raise UsageError(f"{request.output.path} is named as output and as input", fix="the RMIR comes first")
    if request.output.path.is_dir():
        raise UsageError(f"{request.output.path} is a folder", fix="name the RMIR file to write")
    with ExitStack() as files:
        archives = _open(request, files)
        options = _settled(request, archives)
        named = {name: (f"{name}/{path.name}", path) for name, path in files_of(options).items()}
        members = [archive.member(name) for archive in archives for name in archive.names()]
        members += [Member(artifact, path) for artifact, path in named.values()]
        recorded = {**to_mapping(options), **{name: artifact for name, (artifact, _) in named.items()}}
        write_archive(
            request.output.path,
            _manifest(request, archives, recorded),
            members,
            key=request.output.key,
            whole=request.output.key is not None,
            force=request.force,
        )
    return options


def _open(request: BuildRequest, files: ExitStack) -> list[Archive]:
    archives = [files.enter_context(Archive.open(path)) for path in request.inputs]
    for archive in archives:
        _check_kind(archive, request.pipeline)
    return archives


def _check_kind(archive: Archive, pipeline: Pipeline[Any]) -> None:
    path, manifest = archive.path.path, archive.manifest
    if manifest.get("format") == RMIR_FORMAT:
        raise NotAnArchive(f"{path} is an RMIR, not a .riva", fix="the RMIR to be written comes first, then the .riva")
    if "riva_ci" not in manifest:
        raise NotAnArchive(
            f"{path} was not made by this project's nemo2riva",
            "its manifest lacks the facts of the export (the model's time step, the graph's inputs)",
            "run nemo2riva on the .nemo checkpoint",
        )
    found = manifest.get("metadata", {}).get("obj_cls")
    if found not in pipeline.classes:
        raise WrongClass(
            f"{path} holds a {found}, which pipeline {pipeline.name} does not serve",
            fix=f"it serves {', '.join(pipeline.classes)}",
        )
    _check_loadable(manifest["riva_ci"])


def _check_loadable(facts: Mapping[str, Any]) -> None:
    """Compares a graph with the compatibility table again, which may have learnt something since the export."""
    if {"riva_version", "opset", "ir_version"} <= facts.keys():
        riva = riva_version(facts["riva_version"])
        for finding in check_graph(riva, opset=facts["opset"], ir_version=facts["ir_version"]):
            raise finding.as_error()


def _settled(request: BuildRequest, archives: list[Archive]) -> object:
    with using(archives[0].path.path):
        settled: object = request.pipeline.settle(request.options, request.given, [a.manifest for a in archives])
    return settled


def _manifest(request: BuildRequest, archives: list[Archive], options: Mapping[str, object]) -> dict[str, Any]:
    typed = [flag.name for flag in flags_of(request.pipeline.options) if flag.name in request.given]
    return {
        "format": RMIR_FORMAT,
        "format_version": RMIR_FORMAT_VERSION,
        "pipeline": request.pipeline.name,
        "name": options["name"],
        "options": dict(options),
        "options_set": typed,
        "inputs": [_origin(archive) for archive in archives],
        "source": {key: archives[0].manifest[key] for key in ("metadata", "riva_ci")},
        "riva_ci": {"version": pipelines.__version__},
    }


def _origin(archive: Archive) -> dict[str, Any]:
    """What a `.riva` was made from, so that an RMIR can be traced to its checkpoints."""
    path = archive.path.path
    return {"name": path.name, "sha256": file_digest(path), "checkpoint": archive.manifest["riva_ci"].get("input")}


def _same(first: Path, second: Path) -> bool:
    return first.resolve() == second.resolve()
