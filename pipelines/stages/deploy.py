"""The deploy stage: RMIRs become one Triton model repository, which a plain `tritonserver --model-repository` loads.

The repository appears by rename when all of it is written and checked; a Triton that serves an older one at the same
place keeps its files until it ends. Whatever is unpacked on the way lies inside the new repository until it is done, so
that nothing of an encrypted RMIR is left elsewhere, and the network's files are moved, not copied, to their places.
"""

import logging
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.archive.archive import Archive
from pipelines.archive.damage import using
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.build_options import notes, refusals
from pipelines.cli.flags import from_mapping
from pipelines.errors import NotAnArchive, NotDeployable, OutputExists
from pipelines.outputs import atomic_directory
from pipelines.progress import progress
from pipelines.registry import load_pipeline
from pipelines.stages.build import RMIR_FORMAT
from pipelines.triton.model_config import CONFIG_FILE

if TYPE_CHECKING:
    from pipelines.triton.repository import TritonModel

__all__ = ["DeployRequest", "deploy"]

_log = logging.getLogger(__name__)
_WORK = ".work"  # no model's name: it holds no configuration
_STEPS = 3  # of the progress shown: read, build the engine, write


@dataclass(frozen=True, kw_only=True)
class DeployRequest:
    """What `riva-deploy` was asked for.

    Args:
        rmirs: The RMIRs, each with its key if it is encrypted.
        repository: The model repository to write.
        target: What the engines are built for, a key of `pipelines.triton.engine.TARGETS`.
        force: Whether an existing repository is replaced.
    """

    rmirs: tuple[EncryptedPath, ...]
    repository: Path
    target: str = "cpu"
    force: bool = False


def deploy(request: DeployRequest) -> tuple[str, ...]:
    """Writes the model repository; returns the names of its models.

    Raises:
        MissingInput: There is no such RMIR.
        NotAnArchive: An input is not an RMIR.
        TruncatedArchive: An RMIR is damaged.
        WrongKey: An RMIR is encrypted and its key is missing or wrong.
        NotDeployable: An RMIR asks for something that changes results and is not executed here.
        EngineFailed: A network does not run, or is not what its RMIR declares.
        NameClash: Two RMIRs make a model of the same name.
        OutputError: The repository exists, is being written by another process, or cannot be written.
    """
    from pipelines.triton.repository import check_models, write_models

    if request.repository.exists() and not request.force:
        raise OutputExists(f"{request.repository} exists", fix="give -f/--force to replace it, or another folder")
    _refuse_to_destroy(request.repository)
    with ExitStack() as files:
        rmirs = [files.enter_context(Archive.open(path)) for path in request.rmirs]
        options = [_options(rmir) for rmir in rmirs]
        _log.info("Writing Riva model repository to '%s'...", request.repository)
        _log.info("The riva model repo target directory is %s", request.repository)
        folder = files.enter_context(atomic_directory(request.repository, force=request.force))
        work = folder / _WORK
        work.mkdir(mode=0o700)
        bar = files.enter_context(progress("riva-deploy", _STEPS * len(rmirs)))
        models: list[TritonModel] = []
        for number, (rmir, chosen) in enumerate(zip(rmirs, options, strict=True)):
            bar.advance(1)
            graph = load_pipeline(rmir.manifest["pipeline"]).graph()
            parts = work / str(number)
            parts.mkdir()
            with using(rmir.path.path):
                made = graph.triton_models(rmir, chosen, work=parts, target=request.target)
            bar.advance(1)
            write_models(made, folder)
            models += made
            bar.advance(1)
        check_models(models, folder)
        shutil.rmtree(work)
    for model in models:
        _log.info("Wrote %s: %s", request.repository / model.name, ", ".join(model.files))
    return tuple(model.name for model in models)


def _refuse_to_destroy(target: Path) -> None:
    """--force replaces a model repository, and nothing else that a slip of the hand may name."""
    strange = (
        [entry.name for entry in target.iterdir() if not (entry / CONFIG_FILE).is_file()] if target.is_dir() else []
    )
    if strange:
        raise OutputExists(
            f"{target} is not a model repository: it holds {', '.join(sorted(strange)[:5])}",
            "--force replaces the whole folder, and removes what it held",
            "name another folder, or empty this one",
        )


def _options(rmir: Archive) -> Any:
    """The settled options of an RMIR, none of which this runtime must refuse."""
    path, manifest = rmir.path.path, rmir.manifest
    if manifest.get("format") != RMIR_FORMAT:
        raise NotAnArchive(
            f"{path} is not an RMIR",
            "a .riva was given" if "metadata" in manifest else "its manifest has no `format: rmir`",
            "make an RMIR from the .riva with riva-build; riva-deploy RMIR [RMIR ...] TARGET names the folder last",
        )
    pipeline = load_pipeline(str(manifest.get("pipeline")))
    with using(path):
        options = from_mapping(pipeline.options, manifest["options"])
    if problems := refusals(options):
        raise NotDeployable(f"{path}: {'; '.join(problems)}", fix="change the options and run riva-build again")
    with using(path):
        remarks = [*notes(options, manifest.get("options_set", ()))]
    for note in remarks:
        _log.info("%s: %s", path.name, note)
    return options
