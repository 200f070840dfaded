"""What a deliberate mistake is: the correct server with one method wrong, and the cases that must notice."""

from typing import ClassVar

import grpc

from tests.conformance.scripted.server import ScriptedServer

__all__ = ["INTERNAL", "WrongServer"]

INTERNAL = grpc.StatusCode.INTERNAL


class WrongServer(ScriptedServer):
    """Base of the servers with a mistake.

    Attributes:
        room: The room whose cases they are.
        caught_by: Patterns below the room; each must select a case that fails.
        after: Cases to run before, where the mistake shows only in the long run.
    """

    room: ClassVar[str] = "speech_recognition"
    caught_by: ClassVar[tuple[str, ...]]
    after: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def patterns(cls) -> tuple[str, ...]:
        """`caught_by` as addresses."""
        return tuple(f"{cls.room}/{pattern}" for pattern in cls.caught_by)
