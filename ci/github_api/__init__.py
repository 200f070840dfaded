"""GitHub's REST API, as far as this repository uses it: releases, runs of workflows, issues, pull requests.

    github = GitHub.connect()  # repository, token and address from the environment of the run
    for release in github.releases.all():
        ...

What is asked again after a failure and what is not is decided in `transport.py`, once for all.
"""

from dataclasses import dataclass

from ci import github as environment
from ci.github_api.actions import Actions, Job, Run
from ci.github_api.issues import Issue, Issues, Pull, Pulls
from ci.github_api.releases import Asset, Release, Releases
from ci.github_api.transport import Transport
from pipelines.errors import UsageError

__all__ = ["Actions", "Asset", "GitHub", "Issue", "Issues", "Job", "Pull", "Pulls", "Release", "Releases", "Run"]


@dataclass(frozen=True)
class GitHub:
    """One repository at GitHub.

    Attributes:
        repository: `owner/name`.
        releases: Its releases and their assets.
        actions: Its workflow runs.
        issues: Its issues.
        pulls: Its pull requests.
    """

    repository: str
    releases: Releases
    actions: Actions
    issues: Issues
    pulls: Pulls

    @classmethod
    def connect(cls, repository: str | None = None, *, api_url: str | None = None) -> "GitHub":
        """The repository, with the token of this run; nothing is asked yet.

        Args:
            repository: `owner/name`; by default that of the run.
            api_url: Address of the REST API; by default that of the run. Another one is asked without a token.

        Raises:
            UsageError: No repository is named, here or by the run.
        """
        name = repository or environment.repository()
        if name is None:
            raise UsageError(
                "no repository is named",
                why="GITHUB_REPOSITORY is not set, as it is in a workflow",
                fix="name it as owner/name, or set GITHUB_REPOSITORY",
            )
        # the token of one server is none of another's business
        token = environment.token() if api_url in (None, environment.api_url()) else None
        transport = Transport(api_url or environment.api_url(), token=token)
        return cls(
            name, Releases(transport, name), Actions(transport, name), Issues(transport, name), Pulls(transport, name)
        )
