"""Contenders on the same machine, measured in turn."""

from collections.abc import Callable, Mapping
from time import process_time

from ci.bench.server import cpu_seconds

__all__ = ["run_rounds"]

Rounds = dict[str, list[float]]


def run_rounds(contenders: Mapping[str, Callable[[], float]], *, rounds: int) -> tuple[Rounds, Rounds]:
    """Runs all contenders in each round, in turning order: the machine has moods that last for seconds.

    Args:
        contenders: What to run, by name; each returns the seconds that it took.
        rounds: How often.

    Returns:
        The seconds of each contender, round by round, and the processor seconds of this process and its descendants.
    """
    seconds: Rounds = {name: [] for name in contenders}
    cpu: Rounds = {name: [] for name in contenders}
    order = list(contenders)
    for _ in range(rounds):
        order.reverse()
        for name in order:
            before = process_time() + cpu_seconds()
            seconds[name].append(contenders[name]())
            cpu[name].append(process_time() + cpu_seconds() - before)
    return seconds, cpu
