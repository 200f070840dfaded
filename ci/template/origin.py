"""Where a repository comes from: the template, and the commit of it whose state the repository holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from ci import github
from ci.checked_yaml import load_checked
from ci.errors import UnknownTemplate
from ci.github_api.transport import Transport
from ci.template.git import Git

__all__ = ["PLACE", "Origin", "find_base", "template_of"]

PLACE = "ci/template/origin.yaml"
_SCHEMA = Path(__file__).with_name("origin.schema.yaml")
_HEAD = """\
# Which commit of which template this repository holds; `nox -s template-update` reads and writes it.
# `unmerged` are files in which the template's changes since that older commit are not in yet. The next update tries
# again; removing a line declines the change for good.
"""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What origin.yaml says.

    Attributes:
        repository: An address that git can fetch from; None in the template itself and before the first update.
        commit: The template's commit; None before the first update.
        unmerged: Files that are still as they were at an older commit of the template, with that commit.
    """

    repository: str | None = None
    commit: str | None = None
    unmerged: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> "Origin":
        """What the file of a repository says; one without the file was made before there was one.

        Raises:
            BadYaml: The file breaks its schema.
        """
        path = root / PLACE
        return cls(**load_checked(path, schema=_SCHEMA)) if path.exists() else cls()

    def text(self) -> str:
        """The file."""
        data = {"repository": self.repository, "commit": self.commit, "unmerged": dict(sorted(self.unmerged.items()))}
        return _HEAD + yaml.safe_dump(data, sort_keys=False)


def template_of(repository: str) -> str | None:
    """The address of what GitHub says a repository was made or forked from; None if it was from nothing.

    https://docs.github.com/en/rest/repos/repos#get-a-repository

    Raises:
        GitHubError: The API cannot be reached, or does not show the repository.
    """
    data = Transport(github.api_url(), token=github.token()).get(f"repos/{repository}")
    found = data.get("template_repository") or data.get("source")
    return str(found["clone_url"]) if found else None


def find_base(git: Git, origin: Origin, *, ours: str, theirs: str, named: str | None) -> str:
    """The template's commit that this repository was made from.

    It is the one that was named, or that the last update wrote down, or for a fork the last common commit. "Use this
    template" makes one commit with the very files of the template, so that their tree tells which commit it was.

    Args:
        git: A repository that has both histories.
        origin: What the last update wrote down.
        ours: A commit of this repository.
        theirs: A commit of the template.
        named: A commit that somebody has named.

    Raises:
        UnknownTemplate: None of these is known, or what was named is no commit of the template.
    """
    if stated := named or origin.commit:
        commit = git.commit_of(stated)
        if commit is None:
            raise UnknownTemplate(
                f"the template has no commit {stated}",
                why=f"{PLACE} or --base names it, and the template's history may have been rewritten since",
                fix="name the commit that this repository was last brought up to, with --base",
            )
        return commit
    if common := git.run("merge-base", ours, theirs, accepted=(0, 1)).decode().split():
        return common[0]
    made = git.run("rev-list", "--max-parents=0", "--format=%T", "--no-commit-header", ours).decode().split()
    for line in git.run("log", "--format=%H %T", theirs).decode().splitlines():
        commit, tree = line.split()
        if tree in made:
            return commit
    raise UnknownTemplate(
        "no commit of the template has the files that this repository began with",
        why="its first commit is not the one that `Use this template` makes, or the clone is shallow (fetch-depth: 0)",
        fix="name the template's commit that comes closest, once: ./scripts/nox -s template-update -- --base COMMIT",
    )
