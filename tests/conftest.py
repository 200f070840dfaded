"""What holds for every test: a clean environment, skips only from `skips.yaml`, and the slice of the long proofs.

Modules that need NeMo say `pytestmark = pytest.mark.export`; they are not even imported where torch is missing, and
they are the only ones imported in the export environment, which lacks the packages of the others.
"""

import functools
import importlib.util
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
import yaml

from ci.halves import needs_nemo

HERE = Path(__file__).parent
REFUSE_SKIPS = "RIVA_CI_REFUSE_SKIPS"  # set by .ci/run, whose machine has everything
SKIPS_ARE_REFUSED = bool(os.environ.get(REFUSE_SKIPS))

# A job in the background ignores SIGINT, and so does all that it starts: then no test could interrupt anything.
signal.signal(signal.SIGINT, signal.default_int_handler)

NEEDS = {need.pop("name"): need for need in yaml.safe_load((HERE / "skips.yaml").read_text(encoding="utf-8"))}
IN_EXPORT_ENVIRONMENT = importlib.util.find_spec("torch") is not None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slice", metavar="SEED:PARTS", help="run one of PARTS parts of the tests, chosen by SEED")
    parser.addoption("--tally", metavar="FILE", help="add a line with the number of tests; none is no failure then")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Keeps the modules of the other environment, and the conftests beside them, from being imported."""
    if collection_path.is_dir():
        strange = IN_EXPORT_ENVIRONMENT and not any(map(needs_nemo, collection_path.rglob("test_*.py")))
    else:
        strange = collection_path.name.startswith("test_") and needs_nemo(collection_path) != IN_EXPORT_ENVIRONMENT
    return True if strange else None


@pytest.hookimpl(trylast=True)  # a part of what the marks have selected
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.slice is None:
        return
    seed, parts = map(int, config.option.slice.split(":"))
    chosen = set(random.Random(seed).sample(range(len(items)), -(-len(items) // parts)))
    config.hook.pytest_deselected(items=[item for index, item in enumerate(items) if index not in chosen])
    items[:] = [item for index, item in enumerate(items) if index in chosen]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What was asked for may lie wholly in the other environment; whoever starts both adds up their tallies."""
    if session.config.option.tally is None:
        return
    with Path(session.config.option.tally).open("a", encoding="utf-8") as tally:
        tally.write(f"{session.testscollected}\n")
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK


def pytest_runtest_setup(item: pytest.Item) -> None:
    for need in _needs(item):
        if not _is_there(need["command"]):
            pytest.skip(f"{need['reason']}; {need['fix']}")


def _needs(item: pytest.Item) -> list[dict[str, str]]:
    names = [marker.args[0] for marker in item.iter_markers("needs")]
    return [NEEDS[name] for name in (*names, *(["container"] if item.get_closest_marker("container") else []))]


@functools.cache
def _is_there(command: str) -> bool:
    """Whether a command exists; one with arguments must succeed as well."""
    program, *arguments = command.split()
    if shutil.which(program) is None:
        return False
    return not arguments or subprocess.run([program, *arguments], capture_output=True, check=False).returncode == 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turns a skip that is not listed, and in CI every skip, into a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        if not _needs(item):
            report.outcome, report.longrepr = "failed", f"{item.nodeid}: skips come from tests/skips.yaml only"
        elif SKIPS_ARE_REFUSED:
            reason = f"{item.nodeid}: skipped although {REFUSE_SKIPS} is set: {report.longrepr}"
            report.outcome, report.longrepr = "failed", reason
    return report


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps what the machine or the CI runner has set from reaching the code under test."""
    for name in os.environ:
        if name.startswith(("GITHUB_", "RIVA_")) or name in ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            monkeypatch.delenv(name)
