"""What the pull request of an update says."""

from collections import Counter
from collections.abc import Iterator, Sequence

from ci.template.git import Git
from ci.template.update import Update

__all__ = ["body"]

LIMIT = 60_000  # characters; GitHub takes 65,536 in a body
_DIFF_LINES = 80
_NEWS = 40
_WORDS = {"A": "added", "M": "changed", "D": "removed"}


def body(git: Git, update: Update) -> str:
    """The Markdown of an update: conflicts first, because they are what a person has to do."""
    text = "\n".join(_parts(git, update))
    return text if len(text) <= LIMIT else f"{text[:LIMIT]}\n\n… shortened; the commit has the rest."


def _parts(git: Git, update: Update) -> Iterator[str]:
    counts = Counter(_WORDS[kind] for kind, _ in update.changes)
    summary = ", ".join(f"{count} files {word}" for word, count in counts.items())
    yield f"Brings this repository from {update.base[:12]} to {update.theirs[:12]} of {update.template}: {summary}."
    yield "The checks of this pull request run it on this repository's own models."
    if update.conflicts:
        yield from _conflicts(git, update)
    if update.withheld:
        yield "\n### Workflows that are not in\n"
        yield "The token of this run may not change workflow files. To bring these in, run"
        yield "`./scripts/nox -s template-update` on your machine, which uses your own rights, and push its branch;"
        yield "or give the repository a secret `TEMPLATE_UPDATE_TOKEN` (ci/docs/staying-current.md).\n"
        yield from (f"- `{path}`" for path in update.withheld)
    if update.kept or update.removed:
        yield "\n### Left alone\n"
        yield from (f"- `{path}`: {why}" for path, why in update.kept.items())
        yield from (f"- `{path}`: you have removed it; the template has changed it since" for path in update.removed)
    if update.news:
        yield "\n### What the template did\n"
        yield from _block("text", update.news, limit=_NEWS)  # in a block, or `#12` and `@name` would link and notify
    yield f"\n### Files\n\n<details><summary>{summary}</summary>\n"
    yield from (f"- {_WORDS[kind]} `{path}`" for kind, path in update.changes)
    yield "\n</details>"


def _conflicts(git: Git, update: Update) -> Iterator[str]:
    yield "\n### Conflicts\n"
    yield "In these files both sides changed the same place. They are as you have them, so that everything still runs;"
    yield "the next update tries again. To decide now, take this branch and put the conflict into the file:\n"
    yield "```"
    yield "git fetch origin template-update && git switch template-update"
    yield f"./scripts/nox -s template-update -- --resolve {update.conflicts[0].path}"
    yield "```\n"
    for each in update.conflicts:
        yield f"<details><summary><code>{each.path}</code></summary>\n\n{each.what}\n"
        diff = git.run("diff", update.since[each.path], update.theirs, "--", each.path).decode(errors="replace")
        if diff:
            yield "What the template changed:\n"
            yield from _block("diff", diff.splitlines(), limit=_DIFF_LINES)
        yield "\n</details>"


def _block(language: str, lines: Sequence[str], *, limit: int) -> Iterator[str]:
    yield f"`````{language}"
    yield from lines[:limit]
    if len(lines) > limit:
        yield f"… and {len(lines) - limit} more"
    yield "`````"
