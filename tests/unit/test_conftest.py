"""The rules of tests/conftest.py hold: no skip in silence, and slices that together are the whole."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]
TESTS = """\
import pytest

@pytest.mark.needs("espeak-ng")
def test_listed(): pass

def test_unlisted(): pytest.skip("I do not feel like it")

@pytest.mark.parametrize("number", range(10))
@pytest.mark.full
def test_many(number): pass
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A folder of tests under the same rules."""
    for name in ("conftest.py", "skips.yaml"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  full\n  needs(name)\n")
    (tmp_path / "test_rules.py").write_text(TESTS)
    return tmp_path


def outcomes(suite: Path, *arguments: str, **variables: str) -> dict[str, set[str]]:
    """Names of tests by outcome, on a machine without espeak-ng."""
    command = [sys.executable, "-m", "pytest", "-rA", "-v", "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, "PATH": "", **variables}
    answer = subprocess.run(command, cwd=suite, env=environment, capture_output=True, text=True, check=False)
    found: dict[str, set[str]] = {}
    for name, outcome in re.findall(r"^test_rules\.py::(\S+) ([A-Z]+)\b", answer.stdout, re.MULTILINE):
        found.setdefault(outcome, set()).add(name)
    return found


def test_skips_come_from_the_list_only(suite: Path) -> None:
    """A listed reason skips; any other skip is a failure."""
    found = outcomes(suite, "-m", "not full")

    assert found == {"SKIPPED": {"test_listed"}, "FAILED": {"test_unlisted"}}


def test_listed_skips_fail_where_they_are_refused(suite: Path) -> None:
    """CI has everything that the list names, so there a skip means that something broke."""
    found = outcomes(suite, "-m", "not full", RIVA_CI_REFUSE_SKIPS="1")

    assert found == {"ERROR": {"test_listed"}, "FAILED": {"test_unlisted"}}


def test_slices_are_taken_from_what_is_marked(suite: Path) -> None:
    """A slice is a part of the marked tests: the same for the same seed, another for another."""
    first, again, other = (outcomes(suite, "-m", "full", f"--slice={seed}:5")["PASSED"] for seed in (1, 1, 2))

    assert len(first) == 2
    assert first == again
    assert first != other


@pytest.mark.parametrize(("asked", "counted"), [("test_many", 10), ("nothing_of_that_name", 0)])
def test_what_lies_in_the_other_environment_is_no_failure(suite: Path, asked: str, counted: int) -> None:
    """Tests of one environment are asked for by name through the command that runs both."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--tally={suite / 'tally'}", "-k", asked]

    assert subprocess.run(command, cwd=suite, capture_output=True, check=False).returncode == 0
    assert (suite / "tally").read_text() == f"{counted}\n"
