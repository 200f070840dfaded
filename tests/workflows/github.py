"""GitHub's own reading of workflow files and of expressions: the other end of `github.mjs`, one process a session."""

import hashlib
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["ExpressionFailed", "GitHub", "as_text", "expressions"]

HERE = Path(__file__).parent
EXPRESSION = "$expression"  # the one key of what stands for an expression in a document

Document = Mapping[str, Any]


class ExpressionFailed(AssertionError):
    """GitHub would end the run here: a name that is not known at this place, JSON that is none."""


class GitHub:
    """The process that holds GitHub's packages; a context manager."""

    def __init__(self, node: Path) -> None:
        """Starts it; `node` is the folder of the environment of that name."""
        command = [node / "bin" / "node", "--import", node / "packages.mjs", HERE / "github.mjs"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "GitHub":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=10)
        assert self._process.stdout
        self._process.stdout.close()

    def read(self, root: Path, path: str) -> tuple[list[str], Document]:
        """What GitHub's parser says against a file, and the file as it understands it (empty if it does not)."""
        answer = self._ask({"read": {"root": str(root), "path": path}})
        return answer["errors"], answer["document"] or {}

    def evaluate(
        self, value: Any, contexts: Document, *, status: str = "success", workspace: Path | None = None
    ) -> Any:
        """A part of a document with every expression in it replaced by its value.

        Args:
            value: Text, a list, a mapping, or one expression.
            contexts: What `github`, `needs`, `inputs` and so on stand for; others are unknown.
            status: What `success()` and its like answer: success, failure, cancelled, or skipped.
            workspace: Where `hashFiles` looks.

        Raises:
            ExpressionFailed: GitHub's library refuses the expression.
        """
        if isinstance(value, list):
            return [self.evaluate(each, contexts, status=status, workspace=workspace) for each in value]
        if not isinstance(value, dict):
            return value
        if EXPRESSION not in value:
            return {
                name: self.evaluate(each, contexts, status=status, workspace=workspace) for name, each in value.items()
            }
        expression = value[EXPRESSION]
        files = {pattern: _digest(pattern, workspace) for pattern in _hashed(expression)}
        request = {"expression": expression, "contexts": contexts, "status": status, "files": files}
        answer = self._ask({"evaluate": request})
        if "failure" in answer:
            raise ExpressionFailed(f"{expression}: {answer['failure']}")
        return answer["value"]

    def _ask(self, request: Document) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))


def expressions(value: Any) -> list[str]:
    """Every expression inside a part of a document."""
    if isinstance(value, dict):
        if EXPRESSION in value:
            return [value[EXPRESSION]]
        return [each for part in value.values() for each in expressions(part)]
    return [each for part in value for each in expressions(part)] if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """A value as GitHub writes it into a variable or hands it to an action."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _hashed(expression: str) -> list[str]:
    calls = re.findall(r"hashFiles\(([^)]*)\)", expression, re.IGNORECASE)
    return [pattern for call in calls for pattern in re.findall(r"'([^']*)'", call)]


def _digest(pattern: str, workspace: Path | None) -> str:
    digest = hashlib.sha256()
    found = sorted(path for path in workspace.glob(pattern) if path.is_file()) if workspace else []
    for path in found:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest() if found else ""
