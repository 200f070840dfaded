"""GitHub's parser, started once a session, and this repository as it reads it."""

from collections.abc import Iterator

import pytest

from ci import environments
from tests.workflows import repository
from tests.workflows.github import GitHub
from tests.workflows.repository import Repository


@pytest.fixture(scope="session")
def github() -> Iterator[GitHub]:
    with GitHub(environments.ready("node")) as process:
        yield process


@pytest.fixture(scope="session")
def ours(github: GitHub) -> Repository:
    """The workflows and actions of this repository."""
    return repository.read(github, environments.ROOT)
