"""The fenced blocks of Markdown pages, and what the words behind the fence promise.

    ```sh       commands: run as they stand, by bash, in a clone
    ```console  commands behind `$`, each followed by what it prints; both are tried
    ```bash     a script, which its page's own test tries

A block of commands whose first line is `# needs ...` is for somebody who has that (a Jetson, NVIDIA's images, an
account). It is not run; its sessions, scripts, tools and flags must exist all the same.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["COMMANDS", "Block", "blocks"]

COMMANDS = ("sh", "console")
_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)(?P=fence)[ ]*$", re.M | re.S
)
_NEEDS = re.compile(r"# needs (?P<what>.+)")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: The page, relative to the repository.
        line: Where its text begins.
        language: The word behind the fence; empty for none.
        text: What is in it, without the page's indentation.
    """

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def needs(self) -> str:
        """What somebody must have to run it; empty if a clone will do."""
        match = _NEEDS.match(self.text)
        return match["what"] if match else ""

    @property
    def steps(self) -> list[tuple[str, list[str]]]:
        """Each command with the lines that it is said to print; a block of `sh` is one command and says nothing."""
        if self.language != "console":
            return [(self.text, [])]
        steps: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                steps.append((line.removeprefix("$ "), []))
            else:
                steps[-1][1].append(line)
        return steps

    @property
    def commands(self) -> list[str]:
        """Its commands, a line each; continued lines are joined."""
        text = "\n".join(command for command, _ in self.steps).replace("\\\n", " ")
        lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in _without_here_documents(text))
        return [line for line in lines if line]


def blocks(root: Path, page: str) -> Iterator[Block]:
    """The blocks of a page, in order."""
    text = (root / page).read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        lines = [line.removeprefix(match["indent"]) for line in match["text"].splitlines()]
        yield Block(page, text.count("\n", 0, match.start("text")) + 1, match["language"].strip(), "\n".join(lines))


def _without_here_documents(text: str) -> Iterator[str]:
    ends = ""
    for line in text.splitlines():
        if ends:
            ends = "" if line == ends else ends
            continue
        yield line
        if match := re.search(r"<<-?'?(\w+)'?", line):
            ends = match[1]
