"""The stages of a checkpoint: what each reads, which command line it is, what it writes.

model.nemo --verdict, export--> .riva --build (one a mode)--> .rmir --deploy--> models/ --conformance--> report/
                                                                 ^ and those of the checkpoints it is served with
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ci.environments import ROOT
from ci.pipeline.checkpoint import Checkpoint, Options, Value
from ci.pipeline.content import digest_of, value_digest
from ci.pipeline.verdict import REPORT
from ci.runtime import Address, Argument, Command, Runtime
from pipelines.registry import load_pipeline
from pipelines.verdict.findings import Outcome

__all__ = ["BUILD", "SERVICES", "STAGES", "Stage", "stages_of"]

BUILD = ROOT / "build"

STAGES = ("verdict", "export", "build", "deploy", "conformance")

# Folders of the source tree that a stage does not run; what it does run is part of its key. Everything else counts, so
# that a new module can only make a stage run once too often, never once too rarely.
_NOT_RUN_BY = {
    "verdict": ("pipelines/server", "pipelines/triton", "pipelines/export"),
    "export": ("pipelines/server", "pipelines/triton"),
    "build": ("pipelines/server", "pipelines/triton", "pipelines/export"),
    "deploy": ("pipelines/server", "pipelines/export"),
    "conformance": ("pipelines/export",),
}
# The verdict is remembered, the machine's free memory and disk are not: they are asked before the export.
_ANYWHERE = ("--memory=any", "--disk=any")

_OWN_EXPORT_OPTIONS = ("riva-version", "memory-limit", "time-limit")  # nemo2riva of NVIDIA does not know them

SERVICES = ("--asr_service=true", "--nlp_service=true", "--tts_service=false")
"""What is served: the services that have a pipeline here."""

_SOURCES = {"conformance": ("pipelines", "ci/conformance")}


@dataclass(frozen=True)
class Stage:
    """One step of one checkpoint.

    Attributes:
        name: What it is called in the table and in its log's name.
        kind: One of `STAGES`.
        command: The command line; for conformance, that of the judge without the server's address.
        inputs: What it reads, by a name that does not depend on where the repository lies.
        outputs: What it writes, relative to the folder of the checkpoint's outputs.
        settings: What else decides about the outputs: options and target.
        server: The command that must be listening meanwhile.
        accepted: Exit codes of the command that let the next stage begin.
    """

    name: str
    kind: str
    command: Command
    inputs: Mapping[str, Path]
    outputs: tuple[str, ...]
    settings: Any = None
    server: Command | None = field(default=None)
    accepted: tuple[int, ...] = (0,)

    def tools(self, runtime: Runtime) -> dict[str, str]:
        """What each tool of the stage is made of, where it will run."""
        commands = filter(None, (self.command, self.server))
        return {command.tool: runtime.identity(command.tool) for command in commands}

    def key(self, tools: Mapping[str, str], made: Mapping[Path, str] = MappingProxyType({})) -> str:
        """The digest of everything that decides about the outputs (design 9).

        Args:
            tools: What its tools are made of, see `tools`.
            made: What stands for the content of inputs that are yet to be made.
        """
        return value_digest(
            {
                "stage": self.name,
                "inputs": {name: made.get(path) or _sha256(path) for name, path in self.inputs.items()},
                "settings": self.settings,
                "sources": _sources_digest(self.kind),
                "tools": dict(tools),
            }
        )


def stages_of(
    checkpoint: Checkpoint, nemo: Path, companions: Sequence[Checkpoint] = (), *, target: str | None = None
) -> list[Stage]:
    """All stages of a checkpoint, in their order.

    Args:
        checkpoint: What is declared.
        nemo: The checkpoint's file.
        companions: The checkpoints that the same server serves; their RMIRs are there.
        target: What the engines are built for; None is the first one that the checkpoint names.
    """
    name, folder = checkpoint.name, BUILD / checkpoint.name
    riva, models, report = folder / f"{name}.riva", folder / "models", folder / "report"
    rmirs = _rmirs(checkpoint)

    def log(stage: str) -> Path:
        return folder / "logs" / f"{stage}.log"

    def command(tool: str, *arguments: Argument, stage: str, own: tuple[Argument, ...] = ()) -> Command:
        return Command(tool, arguments, log(stage), own=own, folder=folder)

    verdict = Stage(
        name="verdict",
        kind="verdict",
        command=command(
            "riva-verdict",
            nemo,
            ("--declaration=", checkpoint.declaration),
            ("--report=", folder / REPORT),
            f"--riva-version={checkpoint.riva.version}",
            *_ANYWHERE,
            "--scan-weights",
            *([("--evaluation=", checkpoint.evaluation)] if checkpoint.evaluation.is_dir() else []),
            stage="verdict",
        ),
        inputs={"checkpoint": nemo, "evaluation": checkpoint.evaluation},
        outputs=(REPORT,),
        settings=_asked(checkpoint),
        accepted=(Outcome.WORKS.exit_code, Outcome.UNKNOWN.exit_code),
    )
    export_flags = _flags(checkpoint, checkpoint.export)
    shared = tuple(flag for name, flag in export_flags.items() if name not in _OWN_EXPORT_OPTIONS)
    own = tuple(flag for name, flag in export_flags.items() if name in _OWN_EXPORT_OPTIONS)
    export = Stage(
        name="export",
        kind="export",
        command=command("nemo2riva", ("--out=", riva), *shared, nemo, stage="export", own=("--force", *own)),
        inputs={"checkpoint": nemo},
        outputs=(riva.name,),
        settings=dict(checkpoint.export),
    )
    builds = []
    for mode, rmir in rmirs.items():
        options = _build_options(checkpoint, mode)
        builds.append(
            Stage(
                name=_variant("build", checkpoint, mode),
                kind="build",
                command=command(
                    "riva-build",
                    checkpoint.pipeline,
                    "--force",
                    rmir,
                    riva,
                    *_flags(checkpoint, options).values(),
                    stage=_variant("build", checkpoint, mode),
                ),
                inputs={"riva": riva, **_files_among(checkpoint, options)},
                outputs=(rmir.name,),
                settings=[checkpoint.pipeline, options],
            )
        )
    target = target or checkpoint.targets[0]
    deployed = {path.name: path for each in (checkpoint, *companions) for path in _rmirs(each).values()}
    deploy = Stage(
        name="deploy",
        kind="deploy",
        command=command(
            "riva-deploy", "--force", *deployed.values(), models, stage="deploy", own=(f"--target={target}",)
        ),
        inputs=deployed,
        outputs=(models.name,),
        settings=[target, platform.machine()],
    )
    conformance = Stage(
        name="conformance",
        kind="conformance",
        command=command(
            "riva-conformance",
            ("--declare=", checkpoint.declaration),
            ("--report=", report),
            ("--facts=", folder / "logs" / "stages.json"),
            f"--title={name} {checkpoint.version}",
            stage="conformance",
        ),
        inputs={
            "models": models,
            "known-failing": checkpoint.folder / "known-failing.txt",  # found beside the declaration
            **{f"declaration of {each.name}": each.declaration for each in (checkpoint, *companions)},
            **{f"evaluation of {each.name}": each.evaluation for each in (checkpoint, *companions)},
        },
        outputs=(report.name,),
        server=command(
            "start-riva",
            ("--riva-uri=", Address("127.0.0.1", 0)),  # any free port: two runs on one machine do not meet
            *SERVICES,
            stage="start-riva",
            own=(("--model-repository=", models),),
        ),
    )
    return [verdict, export, *builds, deploy, conformance]


def _asked(checkpoint: Checkpoint) -> list[Any]:
    """What the verdict reads in the declaration; a changed option of a build does not change it."""
    names = {mode: options.get("name") for mode, options in checkpoint.builds.items()}
    riva = checkpoint.riva.version
    return [checkpoint.pipeline, checkpoint.language, names, riva, list(checkpoint.targets), list(checkpoint.waived)]


def _variant(name: str, checkpoint: Checkpoint, mode: str) -> str:
    """A name for one mode; of a pipeline with nothing to choose from, the name alone."""
    return name if mode == checkpoint.pipeline else f"{name}-{mode}"


def _rmirs(checkpoint: Checkpoint) -> dict[str, Path]:
    """The RMIRs of a checkpoint, by mode."""
    folder = BUILD / checkpoint.name
    return {mode: folder / f"{_variant(checkpoint.name, checkpoint, mode)}.rmir" for mode in checkpoint.builds}


def _build_options(checkpoint: Checkpoint, mode: str) -> dict[str, Value]:
    ours: Options = {"name": _variant(checkpoint.name, checkpoint, mode), "language_code": checkpoint.language}
    return {**ours, **load_pipeline(checkpoint.pipeline).modes[mode], **checkpoint.builds[mode]}


def _flags(checkpoint: Checkpoint, options: Options) -> dict[str, Argument]:
    """Options by name as the tools take them; one that names a file of the checkpoint's folder means that file."""
    files = _files_among(checkpoint, options)
    return {
        name: (f"--{name}=", files[name]) if name in files else f"--{name}={value}" for name, value in options.items()
    }


def _files_among(checkpoint: Checkpoint, options: Options) -> dict[str, Path]:
    """The files of the checkpoint's folder that options name; their content decides, not only their names."""
    files = {name: checkpoint.folder / str(value) for name, value in options.items()}
    return {name: path for name, path in files.items() if path.is_file()}


def _sha256(path: Path) -> str | None:
    content = digest_of(path)
    return content.sha256 if content else None


def _sources_digest(kind: str) -> dict[str, str | None]:
    without = [ROOT / folder for folder in _NOT_RUN_BY[kind]]
    digests = {folder: digest_of(ROOT / folder, without=without) for folder in _SOURCES.get(kind, ("pipelines",))}
    return {folder: content.sha256 if content else None for folder, content in digests.items()}
