"""What one job hands to another: outputs of stages with SHA256SUMS beside them, checked on arrival.

    python -m ci.artifacts pack NAME --stages verdict,export --to FOLDER    # FOLDER/NAME/
    python -m ci.artifacts unpack FOLDER                                    # into build/NAME/

Records of all stages go along, so that the pipeline that goes on from there knows what was made, and of what. Outputs
go only for the stages named: an export needs no engine, and an engine is of no use elsewhere.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from ci import github
from ci.arguments import ArgumentParser
from ci.checksums import SUMS, check_sums, write_sums
from ci.errors import NotAsHandedOver, ReleaseDamaged
from ci.pipeline.checkpoint import find_checkpoints
from ci.pipeline.records import Record, outputs_content
from ci.pipeline.stages import BUILD, STAGES
from pipelines.cli import run
from pipelines.errors import UsageError

__all__ = ["main", "pack", "unpack"]

RECORDS, LOGS = ".state", "logs"


def pack(name: str, *, stages: Sequence[str], to: Path, target: str = "") -> Path:
    """Lays out what is handed over.

    Args:
        name: The checkpoint.
        stages: The stages whose outputs go along.
        to: Where the folder of the checkpoint is made; one that is there is replaced.
        target: What the outputs are for, where several targets send theirs; the folder is then `NAME/TARGET`.

    Returns:
        The folder.

    Raises:
        NotAsHandedOver: A stage has not ended well, or its outputs are no longer what its record says.
    """
    source, destination = BUILD / name, to / name / target
    records = {path.stem: Record.read(path) for path in sorted((source / RECORDS).glob("*.json"))}
    chosen = {stage: record for stage, record in records.items() if _kind(stage) in stages}
    for kind in stages:
        if kind not in map(_kind, chosen):
            raise NotAsHandedOver(
                f"{name}: there is no record of the stage {kind} in {source / RECORDS}",
                why="the stage did not end well, or was never run here",
                fix=f"nox -s pipeline -- {name} --until {kind}",
            )
    shutil.rmtree(destination, ignore_errors=True)
    for stage, record in chosen.items():
        if record is None or record.outputs != outputs_content(source, list(record.outputs)):
            raise NotAsHandedOver(f"{name}: the outputs of {stage} are not what its record says", fix="run it again")
        for output in record.outputs:
            _copy(source / output, destination / output)
    _copy(source / RECORDS, destination / RECORDS)
    _copy(source / LOGS, destination / LOGS)
    write_sums(destination)
    return destination


def unpack(folder: Path) -> list[str]:
    """Checks what was received, and puts it where the stages look for it; nothing is moved unless all of it is right.

    Returns:
        The names of the checkpoints.

    Raises:
        NotAsHandedOver: Nothing was received, or a file is missing, changed or not listed.
    """
    received = sorted(path.parent for path in folder.glob(f"*/{SUMS}"))
    if not received:
        raise NotAsHandedOver(
            f"there is no {SUMS} in the folders of {folder}",
            why="nothing was received: the job that was to send it failed, or its artifact has expired",
            fix="look at the job that sends it, and run it again",
        )
    for each in received:
        try:
            check_sums(each)
        except ReleaseDamaged as error:
            raise NotAsHandedOver(error.what, why=error.why, fix="run the job that sends it again") from error
    for each in received:
        for entry in sorted(each.iterdir()):
            if entry.name in (RECORDS, LOGS):  # those of later stages stay
                for file in entry.iterdir():
                    _replace(file, BUILD / each.name / entry.name / file.name)
            elif entry.name != SUMS:
                _replace(entry, BUILD / each.name / entry.name)
    return [each.name for each in received]


def main(argv: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    return run(_main, argv)


@github.annotated("handing over")
def _main(argv: list[str]) -> int:
    parser = ArgumentParser(prog="nox -s artifacts --", description="Hands outputs of stages to another job.")
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="collect outputs with their digests")
    packing.add_argument("name", metavar="NAME", help="the checkpoint")
    packing.add_argument("--stages", required=True, help="those whose outputs go along, separated by commas")
    packing.add_argument("--target", default="", help="what the outputs are for, where there are several targets")
    packing.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="where to put them")
    unpacking = commands.add_parser("unpack", help="check what was received and put it in place")
    unpacking.add_argument("folder", type=Path, metavar="FOLDER", help="where it was received")
    parser.add_argument("--verbose", action="store_true", help="print tracebacks")
    options = parser.parse_args(argv)
    if options.command == "unpack":
        print(f"received and verified: {', '.join(unpack(options.folder))}")
        return 0
    (checkpoint,) = find_checkpoints([options.name])
    stages = options.stages.split(",")
    if unknown := [stage for stage in stages if stage not in STAGES]:
        raise UsageError(f"{', '.join(unknown)} is no stage", fix=f"stages: {', '.join(STAGES)}")
    print(pack(checkpoint.name, stages=stages, to=options.to, target=options.target))
    return 0


def _kind(stage: str) -> str:
    """The kind of a stage by its name: `build-streaming` is a build."""
    return stage.partition("-")[0]


def _copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, destination, copy_function=_link_or_copy)
    else:
        _link_or_copy(str(source), str(destination))


def _link_or_copy(source: str, destination: str) -> None:
    """A second name costs no disk, where the file system allows one."""
    try:
        os.link(source, destination)
    except OSError:
        shutil.copy2(source, destination)


def _replace(source: Path, destination: Path) -> None:
    if destination.is_dir():
        shutil.rmtree(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, destination)


if __name__ == "__main__":
    sys.exit(main())
