"""`python -m pipelines.export.sandbox.self_test`: tries to get out of the sandbox, in about a second.

Ends with 1 if a way is open on this machine, and says which layer would close it and why this machine does not have it.
"""

import json
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines.cli import run
from pipelines.errors import ExportFailed, ExportLimited
from pipelines.export.processes import Child, child, wait
from pipelines.export.sandbox.escapes import ATTEMPTS, NEIGHBOUR, Targets
from pipelines.export.sandbox.isolation import LAYERS, Isolation, Sandbox

__all__ = ["Trial", "main", "try_to_escape"]

OPEN = 1
_MEMORY = 1 << 28
_OUTCOME_S = 60.0  # for all attempts; they take a fraction of a second on a machine that does nothing else
_LIMIT_S = 0.2
_VARIABLE = "RIVA_CI_SELF_TEST"


@dataclass(frozen=True)
class Trial:
    """A way out that was tried.

    Args:
        name: Its name.
        what: What it would do.
        held_by: The layers that close it, each by itself; none if it is closed without them.
        open: Whether it succeeded.
    """

    name: str
    what: str
    held_by: tuple[str, ...]
    open: bool


def try_to_escape(layers: tuple[str, ...] = LAYERS) -> tuple[Isolation, list[Trial]]:
    """Runs `escapes` in a sandbox of some layers; returns which of them are on, and what came of every attempt.

    Raises:
        ExportFailed: The attempts did not end.
    """
    with ExitStack() as stack:
        work, outside = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
        targets = stack.enter_context(_targets(work, outside))
        sandbox = Sandbox(work=work, memory_limit=_MEMORY, layers=layers)
        with child("pipelines.export.sandbox.escapes", sandbox=sandbox, log=None) as process:
            process.send(asdict(targets))
            succeeded = _outcome(process, Path(targets.outcome))
            with suppress(ExportLimited):  # it runs until it is killed
                wait(process, "The self-test", results=[], limit_s=_LIMIT_S)
        trials = [Trial(name, way.what, way.held_by, name in succeeded) for name, way in ATTEMPTS.items()]
        survived = _changes(Path(targets.late))
        Path(targets.late).unlink()
        survival = Trial("survive", "run on after it was given up", ("namespaces",), survived)
        return process.isolation, [*trials, survival]


def _outcome(process: Child, outcome: Path) -> list[str]:
    deadline = time.monotonic() + _OUTCOME_S
    while not outcome.exists():
        if process.process.poll() is not None or time.monotonic() > deadline:
            raise ExportFailed("the self-test ended, or hangs, before it had tried everything")
        time.sleep(0.01)
    succeeded: list[str] = json.loads(outcome.read_text(encoding="utf-8"))
    return succeeded


def _changes(file: Path) -> bool:
    before = file.read_text(encoding="ascii")
    time.sleep(_LIMIT_S)
    return file.read_text(encoding="ascii") != before


@contextmanager
def _targets(work: Path, outside: Path) -> Iterator[Targets]:
    """Puts everything there that an escape could reach."""
    secret = secrets.token_hex()
    file, agent = outside / "secret", outside / "agent"
    file.write_text(secret, encoding="utf-8")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(type=socket.SOCK_DGRAM) as names,
        socket.socket(socket.AF_UNIX) as agents,
        subprocess.Popen(
            [sys.executable, "-c", NEIGHBOUR],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={_VARIABLE: secret},
        ) as neighbour,
    ):
        agents.bind(str(agent))
        agents.listen()
        names.bind(("127.0.0.1", 0))
        answering = threading.Thread(target=_answer, args=(names,))
        answering.start()
        assert neighbour.stdout is not None
        neighbour.stdout.read(1)  # from now on its variables are its own
        try:
            yield Targets(
                secret=secret,
                variable=_VARIABLE,
                port=server.getsockname()[1],
                name_server=names.getsockname()[1],
                agent=str(agent),
                process=neighbour.pid,
                file=str(file),
                folder=str(outside),
                memory=2 * _MEMORY,
                late=str(work / "late"),
                outcome=str(work / "outcome.json"),
            )
        finally:
            names.sendto(b"", names.getsockname())
            answering.join()
            neighbour.communicate()


def _answer(names: socket.socket) -> None:
    """Answers every query with itself until an empty one comes."""
    while True:
        query, sender = names.recvfrom(1 << 10)
        if not query:
            return
        names.sendto(query, sender)


def main(argv: list[str] | None = None) -> int:
    """Prints what came of every attempt; returns 1 if one succeeded."""
    return run(_main, argv)


def _main(_argv: list[str]) -> int:
    isolation, trials = try_to_escape()
    print(isolation)
    for trial in trials:
        open_because = f"OPEN: nothing here has {' or '.join(trial.held_by) or 'closed it'}"
        print(f"  {trial.what}: {open_because if trial.open else 'held'}")
    for sentence in isolation.missing:
        print(f"  not here: {sentence}")
    return OPEN if any(trial.open for trial in trials) or not isolation.network else 0


if __name__ == "__main__":
    sys.exit(main())
