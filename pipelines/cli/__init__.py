"""The command lines. `run` is the border: errors become a message and an exit code here and nowhere else."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from pipelines.errors import InternalError, RivaError

__all__ = ["explain", "run"]

INTERRUPTED = 128 + signal.SIGINT  # as shells report it
TERMINATED = 128 + signal.SIGTERM


class _Terminated(KeyboardInterrupt):
    """SIGTERM came. Like Ctrl-C it unwinds the command, so that work folders go and children are stopped."""


def run(function: Callable[[list[str]], int], argv: list[str] | None = None, *, verbose: bool | None = None) -> int:
    """Calls `function(argv)` and turns what it raises into a message on stderr and an exit code.

    Args:
        function: The command; returns its exit code and raises `RivaError`.
        argv: Arguments without the program name; `sys.argv[1:]` if None.
        verbose: Whether to print tracebacks; by default, whether `--verbose` is among the arguments.
    """
    argv = sys.argv[1:] if argv is None else argv
    verbose = any(a == "--verbose" or a.startswith("--verbose=") for a in argv) if verbose is None else verbose
    try:
        with _unwinding_on_signals():
            return function(argv)
    except RivaError as error:
        if verbose:
            traceback.print_exc()
        print(explain(error), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as stop:
        print("Interrupted; nothing half-written is left.", file=sys.stderr)
        return TERMINATED if isinstance(stop, _Terminated) else INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, for example `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # the process border: a bug must still end in one line and an exit code
        if verbose:
            traceback.print_exc()
        print(f"error: internal error: {type(error).__name__}: {error}", file=sys.stderr)
        print("  fix: run again with --verbose for the traceback, and report it", file=sys.stderr)
        return InternalError.exit_code


@contextmanager
def _unwinding_on_signals() -> Iterator[None]:
    """Lets the first SIGINT or SIGTERM unwind the command; later ones change nothing, since the unwinding has begun.

    What was ignored before, such as SIGINT in a background job, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield
        return
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    heeded = [each for each, handler in before.items() if handler is not signal.SIG_IGN]

    def stop(number: int, _frame: FrameType | None) -> None:
        for each in heeded:
            signal.signal(each, _do_nothing)  # not SIG_IGN, which processes started from here would inherit
        raise _Terminated if number == signal.SIGTERM else KeyboardInterrupt

    for each in heeded:
        signal.signal(each, stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    pass


def explain(error: RivaError) -> str:
    """An error as a person reads it: what happened, why, what to do next.

    What a terminal would obey is spelled out: names and values in a message may come from a hostile file.
    """
    lines = [f"error: {error.what}"]
    if error.why:
        lines.append(f"  why: {error.why}")
    if error.fix:
        lines.append(f"  fix: {error.fix}")
    text = "\n".join(lines)
    return "".join(sign if sign.isprintable() or sign == "\n" else repr(sign)[1:-1] for sign in text)
