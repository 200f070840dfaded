"""Known failures: cases that a server fails today, each with its reason.

They run all the same. One that passes must leave the list, and a pattern that matches no case is an error, so that the
list cannot rot. The format is one pattern a line, with the reason (and a link) in the comment lines right above it:

    # The decoder has no n-best list: https://example.org/issues/7
    speech_recognition/recognition/alternatives/**
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ci.conformance.address import matches
from ci.errors import BadKnownFailing

__all__ = ["KnownFailure", "KnownFailures"]


@dataclass(frozen=True)
class KnownFailure:
    """A pattern, why what it selects fails, and where that is written."""

    pattern: str
    reason: str
    place: str


@dataclass(frozen=True)
class KnownFailures:
    """The whole list."""

    entries: tuple[KnownFailure, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "KnownFailures":
        """Reads a list.

        Raises:
            BadKnownFailing: The file cannot be read, or a pattern has no reason.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise BadKnownFailing(f"cannot read {path}: {error.strerror}", fix="check --known-failing") from error
        entries: list[KnownFailure] = []
        reason: list[str] = []
        for number, line in enumerate(map(str.strip, lines), 1):
            if line.startswith("#"):
                reason.append(line.lstrip("# "))
            elif not line:
                reason.clear()
            elif not any(reason):
                fix = "write the reason in a comment line right above the pattern, with a link"
                raise BadKnownFailing(f"{path}:{number}: {line}: a known failure without a reason", fix=fix)
            else:
                entries.append(KnownFailure(line, " ".join(filter(None, reason)), f"{path}:{number}"))
        return cls(tuple(entries))

    def check(self, addresses: Iterable[str]) -> None:
        """Checks that every pattern selects a case.

        Raises:
            BadKnownFailing: One does not.
        """
        addresses = tuple(addresses)
        for entry in self.entries:
            if not any(matches(entry.pattern, address) for address in addresses):
                raise BadKnownFailing(
                    f"{entry.place}: {entry.pattern}: the pattern matches no case",
                    why="the case was renamed or removed",
                    fix="correct the pattern or delete the line; `riva-conformance --list` prints the addresses",
                )

    def reason(self, address: str) -> str | None:
        """Why the case at `address` is known to fail, or None."""
        return next((entry.reason for entry in self.entries if matches(entry.pattern, address)), None)
