"""git's plumbing on one repository, as objects: no index, no working tree, no hook takes part."""

import base64
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ci.errors import GitFailed

__all__ = ["AUTHOR", "Entry", "Git", "Tree"]

AUTHOR = "riva-ci template update"
"""Who commits; a branch that only this name has written to may be written again."""

_EMAIL = "template-update@users.noreply.github.com"


@dataclass(frozen=True)
class Entry:
    """A file of a tree: its mode, such as 100644, and the id of its content."""

    mode: str
    oid: str


Tree = dict[str, Entry]
"""The files of a commit, by path."""


class Git:
    """A repository.

    Args:
        folder: Its working tree, or the repository itself.
        server: The address that `token` belongs to, such as https://github.com.
        token: For fetching from and pushing to that server; git asks its own helpers otherwise.
    """

    def __init__(self, folder: Path, *, server: str = "", token: str | None = None) -> None:
        self._folder = folder
        names = {
            f"GIT_{role}_{what}": who
            for role in ("AUTHOR", "COMMITTER")
            for what, who in (("NAME", AUTHOR), ("EMAIL", _EMAIL))
        }
        self._variables = {**os.environ, **names, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
        if token and server:  # through the environment: arguments show in process lists
            login = base64.b64encode(f"x-access-token:{token}".encode()).decode()
            self._variables |= {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": f"http.{server.rstrip('/')}/.extraheader",
                "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {login}",
            }

    def run(self, *arguments: str, content: bytes = b"", accepted: Sequence[int] = (0,)) -> bytes:
        """What git prints.

        Args:
            arguments: The command.
            content: Its standard input.
            accepted: Exit codes that are no error.

        Raises:
            GitFailed: It ended with another.
        """
        done = subprocess.run(
            ["git", *arguments], cwd=self._folder, env=self._variables, input=content, capture_output=True, check=False
        )
        if done.returncode not in accepted:
            said = done.stderr.decode(errors="replace").strip() or "nothing"
            raise GitFailed(f"git {arguments[0]} ended with {done.returncode}", why=f"it said: {said}")
        return done.stdout

    def line(self, *arguments: str, content: bytes = b"") -> str:
        """The one line that git prints."""
        return self.run(*arguments, content=content).decode().strip()

    def commit_of(self, name: str) -> str | None:
        """The id of a commit by any name of it; None if there is none."""
        found = self.run("rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}", accepted=(0, 1))
        return found.decode().strip() or None

    def fetch(self, address: str, ref: str, *, into: str) -> str | None:
        """Fetches a ref and what leads to it, and returns its commit; None if the other side has no such ref.

        Args:
            address: Of the other repository.
            ref: Its name there, such as HEAD or refs/heads/main.
            into: Its name here, below refs/template-update/, so that what was fetched is kept.
        """
        if not self.run("ls-remote", "--exit-code", "--", address, ref, accepted=(0, 2)):
            return None
        place = f"refs/template-update/{into}"
        self.run("fetch", "--no-tags", "--quiet", "--no-write-fetch-head", "--", address, f"+{ref}:{place}")
        return self.commit_of(place)

    def tree(self, commit: str) -> Tree:
        """The files of a commit or tree."""
        tree = {}
        for line in filter(None, self.run("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")):
            attributes, _, path = line.partition(b"\t")
            mode, _, oid = attributes.decode().split()
            tree[os.fsdecode(path)] = Entry(mode, oid)
        return tree

    def write_tree(self, tree: Mapping[str, Entry]) -> str:
        """Stores a tree and returns its id."""
        lines = (f"{entry.mode} {entry.oid}\t".encode() + os.fsencode(path) for path, entry in tree.items())
        with tempfile.TemporaryDirectory() as temporary:
            index = Git(self._folder)
            index._variables = {**self._variables, "GIT_INDEX_FILE": str(Path(temporary) / "index")}
            index.run("update-index", "-z", "--index-info", content=b"\0".join(lines))
            return index.line("write-tree")

    def write_blob(self, content: bytes) -> str:
        """Stores a file's content and returns its id."""
        return self.line("hash-object", "-w", "--stdin", content=content)

    def blob(self, entry: Entry) -> bytes:
        """The content of a file."""
        return self.run("cat-file", "blob", entry.oid)

    def commit(self, tree: str, message: str, *parents: str) -> str:
        """Stores a commit and returns its id."""
        return self.line("commit-tree", tree, *(f"-p{each}" for each in parents), content=message.encode())
