"""Whatever happens to a tool while it writes, the old output is there or the new one, and the next run is fine.

The points are the file operations that the tool asks the kernel for once it has begun to write: all of nemo2riva's and
riva-build's, and of riva-deploy's a spread (in `full` all).
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.killed.subjects import OUTPUTS, commands

ROOT = Path(__file__).parents[2]
TOOLS = tuple(OUTPUTS)
LEAST_POINTS = 60
POINTS = 26  # of a tool that has more
KINDS = {"open", "write", "fsync", "rename"}


class Workshop:
    """The process that tools are forked from."""

    def __init__(self, folder: str) -> None:
        namespace = ["unshare", "--mount", *(["--map-root-user"] if os.getuid() else [])]
        mounted = subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode == 0
        command = [sys.executable, "-m", "tests.killed.warm", folder, *(["--mounted"] if mounted else [])]
        self._process = subprocess.Popen(
            [*namespace, *command] if mounted else command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._whole: dict[tuple[str, bool], dict[str, Any]] = {}

    def __call__(self, tool: str, *, at: int | None = None, action: str = "none", old: bool = True) -> dict[str, Any]:
        request = {"tool": tool, "argv": commands()[tool], "at": at, "action": action, "old": old}
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        answer: dict[str, Any] = json.loads(self._answers.readline())
        return answer

    def whole(self, tool: str, *, old: bool = True) -> dict[str, Any]:
        """A run that nothing happens to."""
        if (tool, old) not in self._whole:
            self._whole[tool, old] = self(tool, old=old)
            assert self._whole[tool, old]["code"] == 0, self._whole[tool, old]["said"]
        return self._whole[tool, old]

    def points(self, tool: str, most: int, *, old: bool = True) -> list[int]:
        """At most so many of a run's operations, spread evenly, the first and the last among them."""
        count = len(self.whole(tool, old=old)["operations"])
        return sorted({round(n * (count - 1) / (min(most, count) - 1)) for n in range(min(most, count))})

    def close(self) -> None:
        self._requests.close()
        self._process.wait(60)
        self._answers.close()


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    with tempfile.TemporaryDirectory() as folder:
        shop = Workshop(folder)
        yield shop
        shop.close()


def output(contents: dict[str, str]) -> dict[str, str]:
    """What is there under the name of the output, without what a next run cleans."""
    return {name: digest for name, digest in contents.items() if not name.startswith(".")}


def check_next_run(answer: dict[str, Any], whole: dict[str, Any], where: str) -> None:
    assert answer["again"] == 0, where
    assert answer["finally"] == whole["finally"], where
    assert answer["left"] == [], where


def older(workshop: Workshop, tool: str) -> dict[str, str]:
    """What stood there before: told by a run that is killed at its first operation."""
    return output(workshop(tool, at=0, action="kill")["after"])


def kill_at(workshop: Workshop, tool: str, points: list[int], *, old: bool) -> None:
    whole, before = workshop.whole(tool, old=old), older(workshop, tool) if old else {}
    assert before != whole["finally"]
    for point in points:
        answer = workshop(tool, at=point, action="kill", old=old)
        where = f"{tool} killed before {whole['operations'][point]}, operation {point}"
        assert answer["code"] is None, where
        assert output(answer["after"]) in (before, whole["finally"]), where
        check_next_run(answer, whole, where)


@pytest.mark.parametrize("old", [True, False], ids=["replacing", "new"])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_killed_tool_leaves_the_old_output_or_the_new_one(workshop: Workshop, tool: str, old: bool) -> None:
    """SIGKILL before any operation; the next run cleans up, succeeds, and leaves what an undisturbed one leaves."""
    kill_at(workshop, tool, workshop.points(tool, POINTS if old else POINTS // 3, old=old), old=old)


@pytest.mark.full
def test_riva_deploy_may_be_killed_at_every_operation(workshop: Workshop) -> None:
    """All of them, not a spread."""
    kill_at(workshop, "riva_deploy", workshop.points("riva_deploy", 10_000), old=True)


def test_there_are_enough_points(workshop: Workshop) -> None:
    """At least sixty over the three tools, of every kind, none of them the same twice."""
    assert sum(len(workshop.points(tool, POINTS)) for tool in TOOLS) >= LEAST_POINTS
    for tool in TOOLS:
        assert {kind for kind, _ in workshop.whole(tool)["operations"]} >= KINDS


@pytest.mark.parametrize(
    ("action", "reason"), [("fill", "No space left|File too large"), ("revoke", "Permission denied")]
)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_refusing_disk_is_told_and_changes_nothing(workshop: Workshop, tool: str, action: str, reason: str) -> None:
    """A disk that fills up, or a folder that turns read-only, at any operation: exit code 22, and the old output."""
    whole, before = workshop.whole(tool), older(workshop, tool)
    codes = set()
    for point in workshop.points(tool, POINTS // 3):
        answer = workshop(tool, at=point, action=action)
        where = f"{tool}, {action} before {whole['operations'][point]}, operation {point}: {answer['said']}"
        codes.add(answer["code"])
        if answer["code"] == 0:
            assert output(answer["after"]) == whole["finally"], where
        else:
            assert answer["code"] == 22, where
            assert any(word in answer["said"] for word in reason.split("|")), where
            assert output(answer["after"]) in (before, whole["finally"]), where
            if action == "fill":
                assert answer["after"] == output(answer["after"]), where  # cleaning up needs no space
        check_next_run(answer, whole, where)
    assert 22 in codes


@pytest.mark.parametrize("tool", TOOLS)
def test_of_two_writers_one_wins_and_the_other_is_told(workshop: Workshop, tool: str) -> None:
    """While a process writes, another one of the same output ends with code 21 and disturbs nothing."""
    whole = workshop.whole(tool)
    begun = next(n for n, (_, name) in enumerate(whole["operations"]) if name.endswith(".lock")) + 1
    ended = [name.endswith(".lock") for _, name in whole["operations"]].index(True, begun)
    for point in (begun, (begun + ended) // 2, ended):
        answer = workshop(tool, at=point, action="second")
        assert (answer["code"], answer["second"]) == (0, 21), answer["said"]
        assert answer["after"] == whole["finally"]
        check_next_run(answer, whole, tool)
