"""What other people's actions do, in a few lines each, on a folder in place of GitHub.

An equivalent reads the same inputs, fails where the action fails, and sets the same outputs. An action without one
cannot be executed here, which is an error and not a skip.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

__all__ = ["EQUIVALENTS", "ActionFailed", "Site"]

Inputs = Mapping[str, str]


class ActionFailed(Exception):
    """The action would have failed."""


@dataclass
class Site:
    """What GitHub and the runner keep for a run.

    Attributes:
        folder: Where artifacts, caches and shown results lie.
        origin: The repository that is checked out.
        workspace: Where the job works.
        sha: The commit that the event is about.
        keep: Ignored folders of the workspace that stay on the machine from job to job.
        saves: What is kept in the cache once the job has succeeded: pairs of a folder and where it goes.
    """

    folder: Path
    origin: Path
    workspace: Path
    sha: str
    keep: tuple[str, ...] = ()
    saves: list[tuple[Path, Path]] = field(default_factory=list)

    @property
    def artifacts(self) -> Path:
        """The artifacts of the run, a folder each."""
        return self.folder / "artifacts"

    def caches(self) -> list[Path]:
        """What is in the cache, newest first."""
        return sorted((self.folder / "caches").glob("*/"), key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _checkout(inputs: Inputs, site: Site) -> dict[str, str]:
    """Fetches as much history as it is asked for and no more, and leaves nothing that an earlier job has written."""
    folder = site.workspace / inputs.get("path", "")
    for entry in folder.iterdir() if folder.exists() else ():
        if entry.name not in site.keep:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    depth = inputs.get("fetch-depth", "1")
    shallow = [] if depth == "0" else [f"--depth={depth}"]
    wanted = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"] if depth == "0" else []
    sha = inputs.get("ref") or site.sha
    _git(folder, "init", "--quiet", folder)
    _git(
        folder,
        "-c",
        "uploadpack.allowAnySHA1InWant=true",
        "fetch",
        "--quiet",
        *shallow,
        site.origin.as_uri(),
        sha,
        *wanted,
    )
    if "sparse-checkout" in inputs:
        cone = "--cone" if inputs.get("sparse-checkout-cone-mode", "true") == "true" else "--no-cone"
        _git(folder, "sparse-checkout", "set", cone, *inputs["sparse-checkout"].split())
    _git(folder, "checkout", "--quiet", "--force", "--detach", sha)
    return {"commit": sha, "ref": sha}


def _git(folder: Path, *arguments: str | Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ActionFailed(f"git {arguments[0]}: {done.stderr}")


def _setup_python(inputs: Inputs, site: Site) -> dict[str, str]:
    """The Python that runs the tests stands for each version that is asked for."""
    return {"python-version": f"{sys.version_info[0]}.{sys.version_info[1]}", "python-path": sys.executable}


def _cache(inputs: Inputs, site: Site) -> dict[str, str]:
    """Restores by the key, then by beginnings of keys; saves after the job under the key, if it was not there.

    Only folders of the workspace: what lies in the home folder is the machine's, which keeps it anyway.
    """
    folder, key = site.workspace / inputs["path"], inputs["key"]
    if not folder.resolve().is_relative_to(site.workspace.resolve()) or inputs["path"].startswith("~"):
        return {"cache-hit": "false"}
    wanted = [key, *inputs.get("restore-keys", "").split()]
    found = next((each for want in wanted for each in site.caches() if each.name.startswith(want)), None)
    if found:
        shutil.copytree(found, folder, symlinks=True, dirs_exist_ok=True)
    hit = found is not None and found.name == key
    if not hit:
        site.saves.append((folder, site.folder / "caches" / key))
    return {"cache-hit": "true" if hit else "false"}


def _upload(inputs: Inputs, site: Site) -> dict[str, str]:
    """Keeps files under a name, which is taken once; leaves hidden ones out unless asked."""
    target = site.artifacts / inputs.get("name", "artifact")
    hidden = inputs.get("include-hidden-files", "false") == "true"
    files = [
        (root, path)
        for pattern in inputs["path"].splitlines()
        for root, path in _below(site.workspace, pattern)
        if hidden or not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    if not files:
        if inputs.get("if-no-files-found", "warn") == "error":
            raise ActionFailed(f"no files were found at {inputs['path']}")
        return {}
    if target.exists():
        if inputs.get("overwrite", "false") != "true":
            raise ActionFailed(f"an artifact is called {target.name} already")
        shutil.rmtree(target)
    for root, path in files:
        copy = target / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)  # without permissions, as the archive loses them
    return {"artifact-id": "1", "artifact-url": target.as_uri(), "artifact-digest": ""}


def _below(workspace: Path, pattern: str) -> Iterator[tuple[Path, Path]]:
    """The files that a line of `path` means, each with the folder that its name in the artifact begins after."""
    for found in sorted(workspace.glob(pattern)) if "*" in pattern else [workspace / pattern]:
        if found.is_file():
            yield found.parent if "*" not in pattern else workspace / pattern.split("*")[0], found
        else:
            yield from ((found, path) for path in sorted(found.rglob("*")) if path.is_file())


def _download(inputs: Inputs, site: Site) -> dict[str, str]:
    """Fetches the artifact of a name, or those that match a pattern; several go into a folder each."""
    target = site.workspace / inputs.get("path", "")
    of_run = site.folder / f"run-{inputs['run-id']}" if "run-id" in inputs else site.artifacts
    there = sorted(of_run.iterdir()) if of_run.exists() else []
    if "name" in inputs:
        chosen = [path for path in there if path.name == inputs["name"]]
        if not chosen:
            raise ActionFailed(f"no artifact is called {inputs['name']}; there are {[path.name for path in there]}")
    else:
        patterns = _braces(inputs.get("pattern", "*"))
        chosen = [path for path in there if any(fnmatchcase(path.name, pattern) for pattern in patterns)]
    together = len(chosen) == 1 or inputs.get("merge-multiple", "false") == "true"
    for path in chosen:
        shutil.copytree(path, target if together else target / path.name, dirs_exist_ok=True)
    return {"download-path": str(target)}


def _braces(pattern: str) -> list[str]:
    match = re.search(r"\{([^{}]*)\}|@\(([^()]*)\)", pattern)
    if match is None:
        return [pattern]
    choices = match[1].split(",") if match[1] is not None else match[2].split("|")
    return [each for choice in choices for each in _braces(pattern[: match.start()] + choice + pattern[match.end() :])]


def _upload_sarif(inputs: Inputs, site: Site) -> dict[str, str]:
    """Shows findings under a category."""
    report = json.loads((site.workspace / inputs["sarif_file"]).read_text(encoding="utf-8"))
    shown = site.folder / "code-scanning" / f"{inputs['category']}.json"
    shown.parent.mkdir(exist_ok=True)
    shown.write_text(json.dumps(report["runs"]))
    return {"sarif-id": "1"}


EQUIVALENTS: Mapping[str, Callable[[Inputs, Site], dict[str, str]]] = {
    "actions/checkout": _checkout,
    "actions/setup-python": _setup_python,
    "actions/cache": _cache,
    "actions/upload-artifact": _upload,
    "actions/download-artifact": _download,
    "github/codeql-action/upload-sarif": _upload_sarif,
}
