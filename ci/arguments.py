"""The command lines of this package: argparse, whose complaints are our `UsageError` with its exit code."""

import argparse
from typing import NoReturn

from pipelines.errors import UsageError

__all__ = ["ArgumentParser"]


class ArgumentParser(argparse.ArgumentParser):
    """A parser that raises instead of exiting with argparse's 2."""

    def error(self, message: str) -> NoReturn:
        """Raises `UsageError`."""
        raise UsageError(message, fix=f"`{self.prog} --help` shows how it is called")
