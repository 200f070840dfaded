"""`nox -s template-update`: this repository with the template's changes, on a branch, or as a pull request."""

import os
import sys
from argparse import Namespace
from pathlib import Path

from ci import github
from ci.arguments import ArgumentParser
from ci.environments import ROOT
from ci.errors import GitFailed, UnknownTemplate
from ci.github_api import GitHub
from ci.template.body import body
from ci.template.branch import BRANCH, commit, is_ours, propose, push
from ci.template.git import Git
from ci.template.origin import PLACE, Origin, find_base, template_of
from ci.template.resolve import resolve
from ci.template.update import Update, prepare, read_kept
from pipelines.cli import run

__all__ = ["main"]

# Set by the workflow: whether its token is one that may change workflow files; GITHUB_TOKEN never may.
MAY_CHANGE_WORKFLOWS = "TEMPLATE_UPDATE_MAY_CHANGE_WORKFLOWS"
NOTHING = "Nothing to update."


def main(argv: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    return run(_main, argv)


def _main(argv: list[str]) -> int:
    options = _parser().parse_args(argv)
    root = options.repository
    git = Git(root, server=github.server_url(), token=github.token() if options.pull_request else None)
    origin = Origin.read(root)
    if options.resolve:
        print(resolve(git, root, origin, options.resolve))
        return 0
    with github.annotated("template update"):
        template = _template(options, origin)
        said = NOTHING if template is None else _update(git, origin, options, template)
    print(said)
    github.summarise(said)
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="nox -s template-update --", description="Brings the template's changes into this repository."
    )
    parser.add_argument("--from", dest="template", metavar="URL", help=f"the template (default: {PLACE}, then GitHub)")
    parser.add_argument("--ref", default="HEAD", help="its branch or tag (default: its default branch)")
    parser.add_argument("--base", metavar="COMMIT", help="the template's commit that this repository was made from")
    parser.add_argument("--pull-request", action="store_true", help="push the branch and open a pull request")
    parser.add_argument("--resolve", nargs="+", metavar="PATH", help="put the conflict of these files into them")
    parser.add_argument(
        "--repository", type=Path, default=ROOT, metavar="FOLDER", help="what to update (default: this)"
    )
    parser.add_argument("--verbose", action="store_true", help="print tracebacks")
    return parser


def _template(options: Namespace, origin: Origin) -> str | None:
    """The template's address; None if this repository is a template itself, as far as GitHub knows."""
    if named := options.template or origin.repository:
        return str(named)
    repository = github.repository()
    if repository is None:
        raise UnknownTemplate(
            "nothing says which template this repository was made from",
            why=f"{PLACE} names none before the first update, and outside of a workflow GitHub is not asked",
            fix="name it once: ./scripts/nox -s template-update -- --from https://github.com/OWNER/TEMPLATE",
        )
    return template_of(repository)


def _update(git: Git, origin: Origin, options: Namespace, template: str) -> str:
    ours = git.line("rev-parse", "HEAD")
    theirs = git.fetch(template, options.ref, into="template")
    if theirs is None:
        raise UnknownTemplate(f"{template} has no {options.ref}", fix="check --from and --ref")
    base = find_base(git, origin, ours=ours, theirs=theirs, named=options.base)
    workflows = not options.pull_request or os.environ.get(MAY_CHANGE_WORKFLOWS) == "true"
    update = prepare(
        git,
        origin,
        template=template,
        base=base,
        ours=ours,
        theirs=theirs,
        kept=read_kept(options.repository),
        may_change_workflows=workflows,
    )
    if update.empty:
        return f"{NOTHING} This repository has what it wants of {template} at {theirs[:12]}."
    return _as_pull_request(git, update, ours) if options.pull_request else _as_branch(git, update, ours)


def _as_branch(git: Git, update: Update, ours: str) -> str:
    """For a person: a local branch, and what to do with it."""
    if git.run("symbolic-ref", "--quiet", "HEAD", accepted=(0, 1)).decode().strip() == f"refs/heads/{BRANCH}":
        raise GitFailed(f"the branch {BRANCH} is checked out", fix="switch to your default branch and run again")
    before = git.commit_of(f"refs/heads/{BRANCH}")
    if before is not None and not is_ours(git, before, base=ours):
        raise GitFailed(
            f"the branch {BRANCH} has commits that are not of an update",
            why="somebody is working on it, and writing it again would lose that",
            fix="merge or delete the branch, then run again",
        )
    git.run("update-ref", f"refs/heads/{BRANCH}", commit(git, update, onto=ours), before or "")
    return f"{body(git, update)}\n\nThe branch is {BRANCH}: git switch {BRANCH}, look, push."


def _as_pull_request(git: Git, update: Update, ours: str) -> str:
    hub = GitHub.connect()
    address = git.line("remote", "get-url", "origin")
    there = git.fetch(address, f"refs/heads/{BRANCH}", into="branch")
    if there is not None and not is_ours(git, there, base=ours):
        return f"Somebody has written to the branch {BRANCH}; it stays as it is until it is merged or deleted."
    if there is None or git.line("rev-parse", f"{there}^{{tree}}", f"{there}^") != f"{update.tree}\n{ours}":
        push(git, address, commit(git, update, onto=ours), over=there)
    text = body(git, update)
    pull = propose(hub, text, into=github.ref_name() or git.line("rev-parse", "--abbrev-ref", "HEAD"))
    return f"{pull.page}\n\n{text}"


if __name__ == "__main__":
    sys.exit(main())
