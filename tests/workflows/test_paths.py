"""The two paths of every day, whole: real stages in the locked environments, as the YAML puts them together."""

import re
import shutil
from pathlib import Path

import pytest

from tests.github.server import FakeGitHub
from tests.workflows.events import TOKEN
from tests.workflows.github import GitHub
from tests.workflows.jobs import Outcome
from tests.workflows.origin import lend_environments, snapshot
from tests.workflows.rehearsal import Rehearsal

pytestmark = [pytest.mark.full, pytest.mark.triton]

MODEL = "punctuation-en-US"
TAG = f"{MODEL}/v1.0.0"
BASELINE = 17


def one_model(folder: Path) -> None:
    for other in (folder / "checkpoints").iterdir():
        if other.name != MODEL:
            shutil.rmtree(other)


def a_note_about_it(folder: Path) -> None:
    """A change that plans the checkpoint anew, and that no stage reads."""
    (folder / "checkpoints" / MODEL / "notes.txt").write_text("Trained on a Sunday.\n")


def test_push_is_judged_and_a_pull_request_compared_with_it(github: GitHub, tmp_path: Path) -> None:
    """A push is exported, built, deployed, served and judged; a pull request after it takes what is in the cache.

    Sessions tests and lint are answered for: they are what runs this test.
    """
    origin = snapshot(tmp_path / "origin", prepare=one_model, change=a_note_about_it)
    with FakeGitHub(token=TOKEN) as server:
        rehearsal = Rehearsal.of(github, origin, tmp_path / "run", server, checks=Outcome("success"))
        lend_environments(rehearsal.machine.site.workspace, "runtime", "export")

        results = rehearsal.run("push", "push.yml")

        assert set(results.values()) == {"success", "skipped"}, rehearsal.failures()
        assert results["judge/hosted"] == results["pass"] == "success"
        judged = rehearsal.machine.site.artifacts / f"judged-{MODEL}-cpu"
        assert {path.name for path in judged.rglob("*")} >= {f"{MODEL}.rmir", "SHA256SUMS", "report", "verdict"}
        assert "models" not in {path.name for path in judged.rglob("*")}
        assert re.search(rf"\| build \| {MODEL}.rmir \|.*\| \d", rehearsal.machine.summary)

        rehearsal.becomes_run(BASELINE, "push.yml")
        results = rehearsal.run("pull-request-from-fork", "pull-request.yml")

        assert set(results.values()) == {"success", "skipped"}, rehearsal.failures()
        assert results["judge/hosted"] == results["pass"] == "success"
        assert results["export/code-scanning"] == "skipped"
        assert re.search(rf"\| build \| {MODEL}.rmir \|.*\| unchanged \|", rehearsal.machine.summary)
        assert re.search(r"\| conformance \| report \|.*\| unchanged \|", rehearsal.machine.summary)
        assert f"{MODEL} on cpu, compared with the base branch" in rehearsal.machine.summary
        assert "nothing to compare with" not in rehearsal.machine.summary


def test_tag_is_built_afresh_and_published(github: GitHub, tmp_path: Path) -> None:
    """A tag of a model ends in one published release: the bytes that were judged, found again by who downloads them.

    The repository is private, where GitHub attests nothing: its signatures cannot be made here.
    """
    origin = snapshot(tmp_path / "origin", prepare=one_model, change=a_note_about_it)
    with FakeGitHub(token=TOKEN) as server:
        rehearsal = Rehearsal.of(github, origin, tmp_path / "run", server)
        lend_environments(rehearsal.machine.site.workspace, "runtime", "export")

        results = rehearsal.run("tag-of-model", "release.yml", ref=f"refs/tags/{TAG}", **{"repository.private": True})

        assert set(results.values()) == {"success", "skipped"}, rehearsal.failures()
        assert results["publish/publish"] == results["publish/verify"] == "success"
        published = server.repository.published(TAG).files()
        judged = rehearsal.machine.site.artifacts / f"judged-{MODEL}-cpu" / MODEL / "cpu" / f"{MODEL}.rmir"
        assert published[f"{MODEL}-1.0.0-cpu.rmir"] == judged.read_bytes()
        assert not list(rehearsal.machine.site.caches())
