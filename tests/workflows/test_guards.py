"""Whoever removes a guard from a workflow hears of it: each is removed once, and something must turn red."""

import shutil
from collections import Counter
from collections.abc import Iterator

import pytest

from ci.environments import ROOT
from tests.workflows import reach, repository, steps
from tests.workflows.github import ExpressionFailed, GitHub
from tests.workflows.guards import Guard, guards
from tests.workflows.policy import POLICY
from tests.workflows.references import REFERENCES
from tests.workflows.repository import Repository
from tests.workflows.scenarios import SCENARIOS

TEXTS = {str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / ".github").rglob("*.yml"))}
# In the quick session: what stands between a stranger's pull request and our machines. In tests-full: everything.
QUICK = ("pull-request.yml", "reusable-export.yml", "reusable-deploy.yml")
QUICK_KEYS = ("if", "environment", "permissions", "runs-on", "self-hosted", "pull_request")


def _cases() -> Iterator[object]:
    for guard in guards({file: text for file, text in TEXTS.items() if "/workflows/" in file or "/actions/" in file}):
        quick = guard.file.endswith(QUICK) and guard.path.split("/")[-1] in QUICK_KEYS
        yield pytest.param(guard, id=str(guard), marks=() if quick else pytest.mark.full)


@pytest.fixture(scope="module")
def copy(github: GitHub, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A copy of the workflows and actions whose files may be written."""
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / ".github", root / ".github")
    return repository.read(github, root)


@pytest.mark.parametrize("guard", list(_cases()))
def test_no_guard_is_lost_unseen(guard: Guard, github: GitHub, copy: Repository) -> None:
    """Without it a rule is broken, an event starts other jobs or other steps, or gets hold of what it must not."""
    file = copy.root / guard.file
    assert guard.text != copy.texts[guard.file]
    file.write_text(guard.text)
    try:
        unguarded = repository.read_again(github, copy, guard.file)
    finally:
        file.write_text(copy.texts[guard.file])

    assert next(_complaints(github, unguarded), None) is not None


def test_nothing_is_red_with_all_guards(github: GitHub, copy: Repository) -> None:
    """The same looks find nothing as long as every guard is in its place."""
    assert list(_complaints(github, copy)) == []


def test_guards_are_found(copy: Repository) -> None:
    """The hunt for guards misses none of those that the parser sees."""
    parts = [*copy.workflows.values(), *(job for *_, job in copy.jobs()), *(step for _, step in copy.steps())]
    found = Counter(guard.path.split("/")[-1] for guard in guards(copy.texts) if "/with/" not in guard.path)

    for key in ("if", "permissions", "timeout-minutes", "runs-on", "environment", "concurrency"):
        assert found[key] == sum(key in part for part in parts), key


def _complaints(github: GitHub, ours: Repository) -> Iterator[str]:
    """What the tests of this folder say, quickest first."""
    for rule in (*REFERENCES, *POLICY):
        yield from rule(ours)
    try:
        for scenario in SCENARIOS:
            if reach.summary(reach.reached(github, ours, scenario)) != scenario.jobs:
                yield f"{scenario.name}: other jobs"
            yield from reach.faults(github, ours, scenario)
    except (AssertionError, ExpressionFailed) as error:  # GitHub would end the run
        yield str(error)
    if steps.written(github, ours) != steps.GOLDEN.read_text(encoding="utf-8"):
        yield "other steps"
