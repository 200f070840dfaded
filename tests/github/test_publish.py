"""Publishing against a GitHub that fails in every way it can: nothing is published twice, nothing is lost.

Every test ends in the same place: one release, published once, whose assets are exactly what was assembled; or none,
and an error that says what to do.
"""

import json
from pathlib import Path

import pytest

from ci.checksums import SUMS
from ci.errors import (
    AlreadyPublished,
    BadTag,
    GitHubForbidden,
    GitHubLimited,
    GitHubRefused,
    GitHubUnauthorized,
    GitHubUnavailable,
)
from ci.github_api.transport import ATTEMPTS
from ci.release.__main__ import main
from tests.github.server import FakeGitHub
from tests.releases import MODEL, Workshop

TAG = f"{MODEL}/v1.0.0"


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A repository whose model is assembled, the RMIR in parts."""
    made = Workshop(tmp_path, monkeypatch)
    made.make("1.0.0")
    made.assemble(TAG, limit="4kB")
    return made


def publish(workshop: Workshop, tag: str = TAG, *more: str) -> int:
    return main(["publish", "--tag", tag, "--from", str(workshop.assets), "--no-dry-run", *more])


def files(workshop: Workshop) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in workshop.assets.iterdir() if path.is_file()}


def assert_published(github: FakeGitHub, workshop: Workshop, tag: str = TAG) -> None:
    """One release, no draft left, and its assets are the folder's."""
    assert github.repository.published(tag).files() == files(workshop)
    assert github.repository.drafts(tag) == []
    assert sum(1 for method, path in github.requests if method == "PATCH" and "releases" in path) >= 1


def test_all_assets_arrive(github: FakeGitHub, workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    """Draft, upload, read back, publish; the table says what was sent."""
    assert publish(workshop) == 0

    assert_published(github, workshop)
    assert f"{MODEL}-1.0.0-cpu.rmir.part-000" in capsys.readouterr().out
    order = [method for method, path in github.requests if "/assets" in path or method == "PATCH"]
    assert order.index("PATCH") == len(order) - 1  # published last, after everything was read back


def test_publishing_again_does_nothing(
    github: FakeGitHub, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    """A workflow that is run again finds the work done."""
    publish(workshop)
    github.requests.clear()

    assert publish(workshop) == 0
    assert {method for method, _ in github.requests} == {"GET"}
    assert "published already" in capsys.readouterr().out


@pytest.mark.parametrize("carried_out", [False, True], ids=["lost", "answer-lost"])
@pytest.mark.parametrize("status", [500, None], ids=["500", "connection"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/releases$"), ("POST", "/assets"), ("PATCH", "/releases/"), ("GET", "/releases"), ("GET", "/contents/")],
    ids=["create", "upload", "publish", "list", "read-back"],
)
def test_a_failure_anywhere_is_survived(
    github: FakeGitHub, workshop: Workshop, *, method: str, path: str, status: int | None, carried_out: bool
) -> None:
    """Whatever breaks once, and whether or not it took effect, the release comes out right and once."""
    if status is None:
        github.drop(method, path, after=700, carried_out=carried_out)
    else:
        github.fail(method, path, status=status, carried_out=carried_out)

    assert publish(workshop) == 0
    assert_published(github, workshop)


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (401, {}, GitHubUnauthorized),
        (403, {}, GitHubForbidden),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}, GitHubLimited),
        (422, {}, GitHubRefused),
        (500, {}, GitHubUnavailable),
    ],
    ids=["401", "403", "limit", "422", "500"],
)
def test_what_stays_broken_is_continued_later(
    github: FakeGitHub,
    workshop: Workshop,
    capsys: pytest.CaptureFixture[str],
    *,
    status: int,
    headers: dict[str, str],
    error: type[Exception],
) -> None:
    """The draft keeps what had arrived, nobody sees it, and the next run sends the rest only."""
    github.fail("POST", "part-001", status=status, headers=headers, times=ATTEMPTS)
    code = publish(workshop)

    assert code == error.exit_code  # type: ignore[attr-defined]
    assert "fix:" in capsys.readouterr().err
    (draft,) = github.repository.drafts(TAG)
    arrived = set(draft.files())
    assert arrived
    assert "rmir.part-001" not in " ".join(arrived)

    github.forgive()
    github.requests.clear()
    assert publish(workshop) == 0
    assert github.count("POST", "/assets") == len(files(workshop)) - len(arrived)
    assert_published(github, workshop)


@pytest.mark.parametrize("digests", [True, False], ids=["digests", "no-digests"])
def test_wrong_assets_of_a_draft_are_replaced(github: FakeGitHub, workshop: Workshop, *, digests: bool) -> None:
    """Of an earlier attempt: one asset is right, one has other bytes, one is a stub, one is not wanted any more."""
    github.repository.digests = digests
    github.fail("PATCH", "/releases/", status=500, times=ATTEMPTS)
    publish(workshop)
    (draft,) = github.repository.drafts(TAG)
    number = next(i for i, asset in draft.assets.items() if asset["name"] == SUMS)
    del draft.assets[number]
    github.repository._store(draft, SUMS, b"old", state="uploaded")
    number = next(i for i, asset in draft.assets.items() if asset["name"].endswith(".md"))
    draft.assets[number].update(state="starter", digest=None)
    github.repository._store(draft, "gone.rmir", b"", state="uploaded")
    github.requests.clear()

    assert publish(workshop) == 0
    assert_published(github, workshop)
    if digests:
        assert github.count("POST", "/assets") == 2


def test_rate_limits_are_waited_for(github: FakeGitHub, workshop: Workshop, slept: list[float]) -> None:
    """A limit in the middle of the upload costs the wait, and nothing else."""
    github.fail("POST", "part-000", status=403, headers={"Retry-After": "5"})
    github.fail("PATCH", "/releases/", status=429, headers={"Retry-After": "6"})

    assert publish(workshop) == 0
    assert slept == [5.0, 6.0]
    assert_published(github, workshop)


def test_damage_on_the_way_is_not_published(github: FakeGitHub, workshop: Workshop) -> None:
    """What comes back from GitHub is compared before anybody can see the release."""
    github.damage_uploads = 1
    assert publish(workshop) == 110
    assert github.repository.drafts(TAG)

    assert publish(workshop) == 0
    assert_published(github, workshop)


def test_other_bytes_of_a_published_version_are_refused(
    github: FakeGitHub, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    """A version means one set of bytes for ever: under its own tag, and under that of a release of all models."""
    publish(workshop)
    workshop.make("1.0.0", weights=b"retrained")
    for tag in (TAG, "v7.0.0"):
        workshop.assemble(tag)

        assert publish(workshop, tag) == AlreadyPublished.exit_code
        assert "raise `version`" in capsys.readouterr().err
    assert github.repository.drafts("v7.0.0") == []


def test_the_same_bytes_may_come_in_another_release(github: FakeGitHub, workshop: Workshop) -> None:
    """A release of all models holds what was released alone before, as long as not a byte differs."""
    publish(workshop)
    workshop.make("2.1.0", model="words")
    workshop.assemble("v7.0.0")

    assert publish(workshop, "v7.0.0") == 0
    assert_published(github, workshop, "v7.0.0")


def test_a_published_release_is_never_added_to(github: FakeGitHub, workshop: Workshop) -> None:
    """A target that comes later needs a new tag."""
    publish(workshop)
    workshop.hand_over("1.0.0", target="jetson")
    workshop.assemble(TAG)

    assert publish(workshop) == AlreadyPublished.exit_code


def test_an_immutable_release_is_published_whole(github: FakeGitHub, workshop: Workshop) -> None:
    """Where GitHub freezes what is published, nothing is left to do afterwards."""
    github.repository.immutable = True

    assert publish(workshop) == 0
    assert_published(github, workshop)


def test_assets_of_another_tag_are_refused(github: FakeGitHub, workshop: Workshop) -> None:
    """A folder is published as what it was assembled for."""
    assert publish(workshop, "v1.0.0") == BadTag.exit_code
    assert github.requests == []


def test_started_by_hand_it_is_a_dry_run(
    github: FakeGitHub, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only a pushed tag publishes without being told to; a dry run reads, and says what would be sent."""
    command = ["publish", "--tag", TAG, "--from", str(workshop.assets)]
    monkeypatch.setenv("GITHUB_EVENT_NAME", "workflow_dispatch")
    assert main(command) == 0
    assert {method for method, _ in github.requests} == {"GET"}
    assert "Dry run" in capsys.readouterr().out

    monkeypatch.setenv("GITHUB_EVENT_NAME", "push")
    assert main(command) == 0
    assert_published(github, workshop)


def test_a_dry_run_needs_no_token(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a laptop, or in a job without rights."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/private")

    assert main(["publish", "--tag", TAG, "--from", str(workshop.assets), "--dry-run"]) == 0
    assert "could be published" in capsys.readouterr().out


def test_the_attestation_goes_along(github: FakeGitHub, workshop: Workshop, tmp_path: Path) -> None:
    """The bundle of the attest action becomes an asset, although SHA256SUMS cannot list it."""
    (tmp_path / "bundle.jsonl").write_text(json.dumps({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}))

    assert publish(workshop, TAG, "--bundle", str(tmp_path / "bundle.jsonl")) == 0
    assert "provenance.sigstore.json" in github.repository.published(TAG).files()
