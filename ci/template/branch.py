"""The branch and the pull request of an update, which a person may be working on meanwhile."""

from ci.github_api import GitHub, Pull
from ci.template.git import AUTHOR, Git
from ci.template.update import Update

__all__ = ["BRANCH", "commit", "is_ours", "propose", "push"]

BRANCH = "template-update"
TITLE = "Update from the template"


def commit(git: Git, update: Update, *, onto: str) -> str:
    """The update as one commit on this repository's history, with the template's commits named."""
    message = f"{TITLE}\n\n{update.template}: {update.base[:12]}..{update.theirs[:12]}\n"
    return git.commit(update.tree, message, onto)


def is_ours(git: Git, branch: str, *, base: str) -> bool:
    """Whether nobody but updates has written to a branch since it left `base`."""
    return set(git.run("log", "--format=%cn", f"{base}..{branch}").decode().splitlines()) <= {AUTHOR}


def push(git: Git, address: str, made: str, *, over: str | None) -> None:
    """Makes the branch at `address` point to a commit, if it is still where it was seen.

    Args:
        git: The repository that has the commit.
        address: Where to.
        made: The commit.
        over: Where the branch was; None if it was not there.

    Raises:
        GitFailed: Somebody has written to the branch since, or the token may not.
    """
    lease = f"--force-with-lease=refs/heads/{BRANCH}:{over or ''}"
    git.run("push", "--quiet", lease, "--", address, f"{made}:refs/heads/{BRANCH}")


def propose(hub: GitHub, text: str, *, into: str) -> Pull:
    """Opens the pull request, or brings the text of the open one up to date."""
    pull = hub.pulls.find(head=BRANCH)
    if pull is None:
        return hub.pulls.create(title=TITLE, body=text, head=BRANCH, base=into)
    return hub.pulls.update(pull.number, body=text)
