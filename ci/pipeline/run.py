"""Runs the stages of one checkpoint, each only if something that decides about its outputs has changed."""

import fcntl
import json
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from ci.errors import NotAsHandedOver, StageFailed
from ci.pipeline.checkpoint import Checkpoint
from ci.pipeline.content import digest_of
from ci.pipeline.display import PERCENT, Row, as_facts, stage_bar
from ci.pipeline.records import Record, outputs_content
from ci.pipeline.runtimes import Runtimes
from ci.pipeline.stages import BUILD, STAGES, Stage, stages_of
from ci.pipeline.verdict import REPORT, check_machine
from ci.runtime import Command, Running, Runtime, local
from pipelines.errors import OutputFailed, UsageError
from pipelines.outputs import atomic_file

__all__ = ["listen", "run_checkpoint"]

READY_SECONDS = 300.0  # as long as riva_start.sh of the Quick Start waits
_LISTENING = re.compile(r"Riva Conversational AI Server listening on (?P<uri>\S+:\d+)")
_TAIL = 15
_WHOLE = 80  # a judgement is worth reading whole


def run_checkpoint(
    folder: Path,
    *,
    until: str,
    on_row: Callable[[Row], None],
    since: str = STAGES[0],
    target: str | None = None,
    runtimes: Runtimes = lambda riva: local,
) -> Checkpoint:
    """Takes a checkpoint through its stages.

    Args:
        folder: The folder in `checkpoints/`.
        until: The last stage, one of `STAGES`.
        on_row: Told about every output as soon as it is there.
        since: The first stage that may run. What the stages before it made comes from another machine, has only to be
            what the records beside it say, and the .nemo file need not be here.
        target: What the engines are built for; None is the first one that the checkpoint names.
        runtimes: Where the stages run; by default on this machine.

    Raises:
        CIError: The checkpoint is not usable, or a stage failed; the outputs of earlier stages stay.
        NotAsHandedOver: An output of a stage before `since` is missing or not what its record says.
        UsageError: The checkpoint does not name the target.
        MachineTooSmall: There is less memory or disk than the stages need.
    """
    with _alone(BUILD / folder.name):
        checkpoint = Checkpoint.read(folder)
        for line in checkpoint.waived:
            print(f"{checkpoint.name}: waiver: {line}", file=sys.stderr, flush=True)
        if target is not None and target not in checkpoint.targets:
            place = checkpoint.document.place("targets")
            raise UsageError(f"{place}: {target} is none of {', '.join(checkpoint.targets)}", fix="add it there")
        rows: list[Row] = []
        runtime = runtimes(checkpoint.riva)
        first, last = STAGES.index(since), STAGES.index(until)
        nemo = checkpoint.fetch() if first <= STAGES.index("export") else checkpoint.file
        companions = []
        if last >= STAGES.index("deploy"):  # they have tables of their own, where they go through every stage
            companions = [
                run_checkpoint(each, until="build", on_row=lambda row: None, since=since, runtimes=runtimes)
                for each in checkpoint.companions
            ]
        for stage in stages_of(checkpoint, nemo, companions, target=target):
            position = STAGES.index(stage.kind)
            if position > last:
                break
            if stage.kind == "conformance":
                _write_facts(stage, rows)
            if position < first:
                made = _take_as_given(checkpoint.name, stage)
            else:
                made = _run_unless_unchanged(checkpoint.name, stage, runtime)
            for row in made:
                rows.append(row)
                on_row(row)
        return checkpoint


@contextmanager
def listen(
    command: Command, follow: Callable[[str], None], *, runtime: Runtime = local
) -> Iterator[tuple[Running, str]]:
    """Starts a server; yields it with its address as soon as it listens.

    Raises:
        StageFailed: It ended, or did not listen within `READY_SECONDS`.
    """
    with runtime.start(command) as server:
        try:
            for line in server.lines(limit=READY_SECONDS):
                follow(line)
                if match := _LISTENING.search(line):
                    yield server, server.reached_at(match["uri"])
                    return
        except TimeoutError:
            raise _failure(command, f"did not listen within {READY_SECONDS:.0f} s") from None
        raise _failure(command, f"ended with {server.wait()} before it listened")


def _take_as_given(name: str, stage: Stage) -> list[Row]:
    """What another machine made; its key is that machine's, its digests are checked here."""
    folder = BUILD / name
    path = _record_of(name, stage)
    record = Record.read(path)
    if record is None:
        raise NotAsHandedOver(
            f"{name}: there is no record of the stage {stage.name}: {path}",
            why="the stage was left out, but nobody handed its outputs over",
            fix="hand the outputs over with their .state folder (ci.artifacts), or begin with an earlier stage",
        )
    for output, expected in record.outputs.items():
        found = digest_of(folder / output)
        if found != expected:
            raise NotAsHandedOver(
                f"{name}: {output}: expected sha256 {expected.sha256}, got {found.sha256 if found else 'no such file'}",
                why="it was changed or cut short on its way here, or is of another run than its record",
                fix="hand the outputs over again, or begin with an earlier stage",
            )
    return _rows(stage, record, reused=True)


def _record_of(name: str, stage: Stage) -> Path:
    return BUILD / name / ".state" / f"{stage.name}.json"


def _run_unless_unchanged(name: str, stage: Stage, runtime: Runtime) -> list[Row]:
    folder, path = BUILD / name, _record_of(name, stage)
    tools = stage.tools(runtime)
    key, record = stage.key(tools), Record.read(path)
    if record is not None and record.key == key and record.outputs == outputs_content(folder, stage.outputs):
        return _rows(stage, record, reused=True)
    path.unlink(missing_ok=True)  # an output about to be replaced is nobody's
    if stage.kind == "verdict":  # an old verdict must not be taken for one that could not be made
        shutil.rmtree(folder / REPORT, ignore_errors=True)
    if stage.kind == "export":
        check_machine(folder)
    for command in filter(None, (stage.server, stage.command)):
        runtime.prepare(command)  # setting an environment up is not the stage's time
    with stage_bar(f"{name}: {stage.name}") as follow:
        seconds = _run(stage, follow, runtime)
    contents = outputs_content(folder, stage.outputs)
    if contents is None:
        missing = ", ".join(output for output in stage.outputs if not (folder / output).exists())
        raise _failure(stage.command, f"ended with 0 but did not write {missing}")
    record = Record(key, contents, seconds, tools)
    record.write(path)
    return _rows(stage, record, reused=False)


def _run(stage: Stage, follow: Callable[[str], None], runtime: Runtime) -> dict[str, float]:
    """Runs the command of a stage, with its server if it needs one; returns the seconds of each."""
    seconds = {}
    with ExitStack() as stack:
        command, started = stage.command, time.monotonic()
        if stage.server is not None:
            server, uri = stack.enter_context(listen(stage.server, follow, runtime=runtime))
            command = replace(command, arguments=(*command.arguments, f"--uri={uri}"))
            seconds[stage.server.tool] = time.monotonic() - started
            started = time.monotonic()
        with runtime.start(command) as running:
            for line in running.lines():
                follow(line)
            if (code := running.wait()) not in stage.accepted:
                whole = stage.kind in ("verdict", "conformance")
                raise _failure(command, f"ended with {code}", tail=_WHOLE if whole else _TAIL)
        seconds[stage.name] = time.monotonic() - started
        if stage.server is not None and (code := server.stop()) != 0:
            raise _failure(stage.server, f"did not stop cleanly after the judgement: it ended with {code}")
    return seconds


def _rows(stage: Stage, record: Record, *, reused: bool) -> list[Row]:
    """A line for the server if there is one, then one for each output, or one without output."""
    seconds = dict(record.seconds)
    last = seconds.pop(stage.name)
    before = [Row(tool, "", None, "", each, reused) for tool, each in seconds.items()]
    made = [Row(stage.name, name, each.size, each.sha256, last, reused) for name, each in record.outputs.items()]
    return before + (made or [Row(stage.name, "", None, "", last, reused)])


def _write_facts(stage: Stage, rows: Sequence[Row]) -> None:
    """What the report shows of the stages before."""
    facts = stage.command.log.with_name("stages.json")
    with atomic_file(facts, force=True) as partial:
        partial.write_text(json.dumps(as_facts(rows), indent=2), encoding="utf-8")


def _failure(command: Command, how: str, *, tail: int = _TAIL) -> StageFailed:
    lines = command.log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line for line in lines if not PERCENT.match(line)][-tail:]
    if not said and shutil.disk_usage(command.log.parent).free == 0:  # no room even for what it had to say
        return StageFailed(f"{command.tool} {how}", why="the disk is full", fix=f"free space for {command.log.parent}")
    return StageFailed(
        f"{command.tool} {how}",
        why="it said last:\n    " + "\n    ".join(said or ["nothing"]),
        fix=f"its whole log is {command.log}",
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps two runs of one clone from writing the same outputs: the second waits, and then finds the work done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise OutputFailed(
            f"cannot write to {folder}: {error.strerror}",
            why="the disk is full, or the folder is not one that can be written to",
            fix="free space, or correct the folder's permissions",
        ) from error
    with lock as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{folder.name}: waiting for another run that works on it", file=sys.stderr, flush=True)
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
