"""`nox -s key -- NAME`: one digest of everything that decides about the outputs of stages, before any of them has run.

Caches of other runs are found by it. Whether what was found is taken is decided by each stage as ever: by its own key,
and by hashing its outputs.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from ci import github
from ci.arguments import ArgumentParser
from ci.pipeline.checkpoint import Checkpoint, find_checkpoints
from ci.pipeline.content import value_digest
from ci.pipeline.stages import BUILD, STAGES, Stage, stages_of
from ci.runtime import local
from pipelines.cli import run

__all__ = ["combined_key", "main"]


def combined_key(folder: Path, *, since: str = STAGES[0], until: str = STAGES[-1], target: str | None = None) -> str:
    """The digest for the stages from `since` to `until`; what earlier ones made is read, it must be there.

    Raises:
        CIError: The checkpoint or one of its companions is not usable.
    """
    first, last = STAGES.index(since), STAGES.index(until)
    made: dict[Path, str] = {}
    checkpoint = Checkpoint.read(folder)
    companions = [Checkpoint.read(each) for each in checkpoint.companions] if last > STAGES.index("build") else []
    keys = []
    for each in (*companions, checkpoint):
        nemo = each.fetch() if first <= STAGES.index("export") else each.file
        for stage in stages_of(each, nemo, companions if each is checkpoint else (), target=target):
            position = STAGES.index(stage.kind)
            if first <= position <= (last if each is checkpoint else STAGES.index("build")):
                keys.append(key := stage.key(stage.tools(local), made))
                made |= {path: f"{key} {path.name}" for path in _written(each, stage)}
    return value_digest(keys)


def main(argv: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    return run(_main, argv)


@github.annotated("key")
def _main(argv: list[str]) -> int:
    parser = ArgumentParser(prog="nox -s key --", description="Prints the digest by which outputs are cached.")
    parser.add_argument("name", metavar="NAME", help="the checkpoint")
    parser.add_argument("--from", dest="since", choices=STAGES, default=STAGES[0], metavar="STAGE", help="first stage")
    parser.add_argument("--until", choices=STAGES, default=STAGES[-1], metavar="STAGE", help="last stage")
    parser.add_argument("--target", help="what the engines are built for (default: the first of pipeline.yaml)")
    parser.add_argument("--verbose", action="store_true", help="print tracebacks")
    options = parser.parse_args(argv)
    (folder,) = find_checkpoints([options.name])
    key = combined_key(folder, since=options.since, until=options.until, target=options.target)
    print(key)
    github.set_output("key", key)
    return 0


def _written(checkpoint: Checkpoint, stage: Stage) -> Iterable[Path]:
    return (BUILD / checkpoint.name / output for output in stage.outputs)


if __name__ == "__main__":
    sys.exit(main())
