"""Removes containers whose owner was killed before it could: at the start of every run, or by hand.

python -m ci.runtime.sweep
"""

import sys
from typing import TYPE_CHECKING

from ci.runtime.engine import answering, connect
from ci.runtime.ownership import LABEL, is_abandoned

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["main", "remove", "remove_abandoned"]


def remove_abandoned(engine: "DockerClient") -> list[str]:
    """Removes what dead processes of this machine left behind; returns the names."""
    with answering():
        found = engine.api.containers(all=True, filters={"label": LABEL})
        abandoned = [each for each in found if is_abandoned(each["Labels"], running=each["State"] == "running")]
        return [each["Names"][0].lstrip("/") for each in abandoned if remove(engine, each["Id"])]


def remove(engine: "DockerClient", container: str) -> bool:
    """Removes a container by id or name, running or not; says whether it was there.

    Somebody else who is removing it at the same moment does no harm.
    """
    from docker.errors import APIError

    try:
        engine.api.remove_container(container, force=True, v=True)
    except APIError as error:
        if error.status_code not in (404, 409):
            raise
        return False
    return True


def main(argv: list[str]) -> int:
    """Says what it removed."""
    for name in remove_abandoned(connect()):
        print(f"removed {name}, whose owner is dead")
    return 0


if __name__ == "__main__":
    from pipelines.cli import run

    sys.exit(run(main))
