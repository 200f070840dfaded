"""A checkpoint of this repository: its folder, what its pipeline.yaml declares, and the .nemo file itself."""

import difflib
import hashlib
import urllib.request
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.error import URLError

from ci.checked_yaml import Document, read_checked
from ci.environments import ROOT
from ci.errors import BadCheckpoint, BadYaml, UnknownCheckpoint
from ci.targets import Targets
from pipelines.cli.flags import flags_of
from pipelines.compatibility import RivaVersion, riva_version
from pipelines.contract import Pipeline
from pipelines.digests import file_digest
from pipelines.errors import RivaError
from pipelines.outputs import atomic_file
from pipelines.progress import progress
from pipelines.registry import load_pipeline
from pipelines.verdict.rules.pipeline import MODES_BUILT
from pipelines.verdict.waivers import Waiver, check_waived

__all__ = ["Checkpoint", "Options", "Value", "find_checkpoints"]

CHECKPOINTS = ROOT / "checkpoints"
DOWNLOADS = ROOT / ".cache" / "checkpoints"
SCHEMA = Path(__file__).with_name("pipeline.schema.yaml")

DOWNLOAD_SECONDS = 60.0  # without a byte; the whole may take as long as it must
_PIECE = 1 << 20
_LFS_POINTER = b"version https://git-lfs.github.com/spec/v1"

Value = str | int | float | bool
Options = Mapping[str, Value]


@dataclass(frozen=True)
class Checkpoint:
    """What a folder of `checkpoints/` declares.

    Attributes:
        folder: The folder; its name is the checkpoint's name.
        source: `path`, or `uri` and `sha256`.
        pipeline: The pipeline of riva-build.
        language: BCP-47 code.
        export: Options of nemo2riva.
        builds: Options of riva-build, by mode of the pipeline.
        companions: Folders of the checkpoints that the same server serves.
        targets: What engines are built for.
        version: Version of the release.
        riva: The Riva whose images serve it, or that must be able to; by default that of ci/targets.yaml.
        document: The file that declares all this.
        waived: A line for each published advisory of the chosen Riva that is accepted for a while.
    """

    folder: Path
    source: Mapping[str, str]
    pipeline: str
    language: str
    export: Options
    builds: Mapping[str, Options]
    companions: Sequence[Path]
    targets: Sequence[str]
    version: str
    riva: RivaVersion
    document: Document
    waived: Sequence[str] = ()

    @classmethod
    def read(cls, folder: Path) -> "Checkpoint":
        """Reads `pipeline.yaml` of a folder.

        Raises:
            BadYaml: The file cannot be read, breaks its schema, or names a pipeline, a mode, an option of riva-build, a
                limit or a checkpoint that there is not.
            UsageError: It names a Riva version that is not in the compatibility table.
            WaiverNeeded: The Riva version carries a published advisory, and no waiver of it is valid today.
        """
        document = read_checked(folder / "pipeline.yaml", schema=SCHEMA)
        _check_pipeline(document)
        data = document.data
        riva = riva_version(str(data.get("export", {}).get("riva-version") or Targets.read().riva_version))
        return cls(
            folder=folder,
            source=MappingProxyType(data["checkpoint"]),
            pipeline=data["pipeline"],
            language=data["language"],
            export=MappingProxyType({"riva-version": riva.version, **data.get("export", {})}),
            builds=MappingProxyType(data["builds"]),
            companions=tuple(folder.parent / name for name in data.get("with", ())),
            targets=tuple(data.get("targets", ("cpu",))),
            version=data["version"],
            riva=riva,
            document=document,
            waived=tuple(check_waived("Riva", riva.version, riva.advisories, _waivers(document))),
        )

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @property
    def declaration(self) -> Path:
        """The file that declares all this."""
        return self.folder / "pipeline.yaml"

    @property
    def evaluation(self) -> Path:
        """The folder of utterances with references; it need not exist."""
        return self.folder / "evaluation"

    @property
    def file(self) -> Path:
        """Where the .nemo file lies, or will lie once it is fetched."""
        if "uri" in self.source:
            return DOWNLOADS / f"{self.source['sha256']}.nemo"
        return self.folder / self.source["path"]

    def fetch(self) -> Path:
        """The .nemo file on this machine, downloaded first if it is declared by `uri`.

        Raises:
            BadCheckpoint: It is missing, a Git LFS pointer, unreachable, or not what its digest says.
        """
        if "uri" in self.source:
            return _download(self.source["uri"], self.file, sha256=self.source["sha256"], declared=self.document)
        path = self.file
        if not path.is_file():
            raise BadCheckpoint(
                f"{self.document.place('checkpoint', 'path')}: {path} is not there",
                fix="put the .nemo file there, or correct the path, which counts from the folder of pipeline.yaml",
            )
        with path.open("rb") as file:
            start = file.read(len(_LFS_POINTER))
        if start == _LFS_POINTER:
            raise BadCheckpoint(
                f"{path} is a Git LFS pointer, not the checkpoint",
                why="the repository was cloned without Git LFS, or the file was not pulled",
                fix=f"git lfs install && git lfs pull --include={path.relative_to(ROOT)}"
                if path.is_relative_to(ROOT)
                else "git lfs install && git lfs pull",
            )
        return path


def find_checkpoints(names: Sequence[str]) -> list[Path]:
    """The folders of the checkpoints named, or of all; what is in them is read later, so that one may be broken.

    Raises:
        UnknownCheckpoint: A name has no folder with a pipeline.yaml, or there is none at all.
    """
    known = {path.parent.name: path.parent for path in sorted(CHECKPOINTS.glob("*/pipeline.yaml"))}
    missing = [name for name in names if name not in known]
    if missing:
        raise UnknownCheckpoint(
            f"no checkpoint is called {', '.join(missing)}",
            fix=f"known: {', '.join(known) or 'none'}; a checkpoint is a folder of {CHECKPOINTS} with a pipeline.yaml",
        )
    if not known:
        raise UnknownCheckpoint(
            f"{CHECKPOINTS} holds no checkpoint", fix="make a folder there with a model.nemo and a pipeline.yaml"
        )
    return [known[name] for name in dict.fromkeys(names)] if names else list(known.values())


def _check_pipeline(document: Document) -> None:
    """Asks the pipeline's room, so that a mistake is known before the export, and by its line."""
    data = document.data
    try:
        pipeline = load_pipeline(data["pipeline"])
    except RivaError as error:
        raise BadYaml(f"{document.place('pipeline')}: {error.what}", fix=error.fix) from error
    _check_names(document, "builds", known=pipeline.modes)
    _check_names(document, "accuracy", known=pipeline.limits)
    _check_modes(document, pipeline)
    for mode in data["builds"]:
        _check_options(document, mode, pipeline)
    for index, name in enumerate(data.get("with", ())):
        _check_companion(document, index, name)


def _check_names(document: Document, key: str, *, known: Collection[str]) -> None:
    for name in document.data.get(key, ()):
        if name not in known:
            what = f"{document.place(key, name)}: expected one of {', '.join(known)}, got {name!r}"
            raise BadYaml(what, fix=f"these are the names that pipeline {document.data['pipeline']} has")


def _check_modes(document: Document, pipeline: Pipeline[Any]) -> None:
    """A limit of a way of recognition is one for a server that has it; `streaming_minus_offline` is of two."""
    for limit in document.data.get("accuracy", ()):
        for mode in pipeline.modes:
            if mode in limit.split("_minus_") and mode not in document.data["builds"]:
                place = document.place("accuracy", limit)
                finding = MODES_BUILT.finding(f"{place}: {mode} has a limit, but is not among `builds`", where=place)
                error = BadYaml(f"{finding.what} [{finding.rule.id}]", why=finding.why, fix=finding.fix)
                error.finding = finding
                raise error


def _check_options(document: Document, mode: str, pipeline: Pipeline[Any]) -> None:
    known = {name: flag for flag in flags_of(pipeline.options) for name in (flag.name, *flag.aliases)}
    for name, value in document.data["builds"][mode].items():
        place = document.place("builds", mode, name)
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise BadYaml(
                f"{place}: riva-build {pipeline.name} has no option {name!r}",
                fix=f"did you mean {near[0]}?" if near else f"`riva-build {pipeline.name} --help` lists them",
            )
        try:
            known[name].read(str(value))
        except ValueError as error:
            raise BadYaml(f"{place}: {error}", fix=f"{name}: {known[name].meaning}") from error


def _check_companion(document: Document, index: int, name: str) -> None:
    place, path = document.place("with", index), document.path.parent.parent / name / document.path.name
    if path == document.path or not path.is_file():
        beside = [each.parent.name for each in path.parent.parent.glob(f"*/{path.name}") if each != document.path]
        raise BadYaml(
            f"{place}: there is no other checkpoint {name!r}", fix=f"known: {', '.join(sorted(beside)) or 'none'}"
        )
    if read_checked(path, schema=SCHEMA).data.get("with"):
        raise BadYaml(f"{place}: {name} has companions of its own", fix="name all of them here, and none there")


def _waivers(document: Document) -> list[Waiver]:
    """The waivers; their days are read here, because a JSON schema has no days."""
    waivers = []
    for index, entry in enumerate(document.data.get("waivers", ())):
        try:
            expires = date.fromisoformat(str(entry["expires"]))
        except ValueError as error:
            place = document.place("waivers", index, "expires")
            raise BadYaml(f"{place}: {error}", fix="write the last day on which it counts as 2027-01-31") from error
        waivers.append(Waiver(advisory=entry["advisory"], expires=expires, reason=entry["reason"]))
    return waivers


def _download(uri: str, path: Path, *, sha256: str, declared: Document) -> Path:
    if path.exists() and file_digest(path) == sha256:
        return path
    digest = hashlib.sha256()
    try:
        with (
            urllib.request.urlopen(uri, timeout=DOWNLOAD_SECONDS) as response,  # noqa: S310 - https or file: the schema
            atomic_file(path, force=True) as partial,
            partial.open("wb") as file,
            progress(f"Downloading {uri}", float(response.headers["Content-Length"] or 0)) as bar,
        ):
            while piece := response.read(_PIECE):
                digest.update(piece)
                file.write(piece)
                bar.advance(len(piece))
            if digest.hexdigest() != sha256:
                raise BadCheckpoint(
                    f"{declared.place('checkpoint', 'sha256')}: expected {sha256}, got {digest.hexdigest()} from {uri}",
                    why="the file was replaced, or the download was cut short",
                    fix="find out which; if the new file is wanted, write its sha256 there",
                )
    except (URLError, TimeoutError, ConnectionError) as error:
        raise BadCheckpoint(
            f"{declared.place('checkpoint', 'uri')}: {uri} cannot be fetched: {error}",
            fix="check the address and the network; the download starts afresh next time",
        ) from error
    return path
