"""The API client against a server that speaks GitHub's REST API on loopback: what is asked again, and what never."""

from collections.abc import Callable
from pathlib import Path
from time import time

import pytest

from ci import errors
from ci.github_api import GitHub
from ci.github_api.transport import ATTEMPTS
from tests.github.server import FakeGitHub

BYTES = bytes(range(256)) * 1000


@pytest.fixture
def client(github: FakeGitHub) -> GitHub:
    """A client with the variables that a workflow has."""
    return GitHub.connect()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file to send."""
    path = tmp_path / "model.rmir"
    path.write_bytes(BYTES)
    return path


def ignore(_count: int) -> None:
    pass


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.GitHubUnauthorized),
        (403, errors.GitHubForbidden),
        (404, errors.GitHubNotFound),
        (422, errors.GitHubRefused),
    ],
)
def test_each_refusal_is_an_error_of_its_own(
    github: FakeGitHub, client: GitHub, slept: list[float], status: int, kind: type[errors.GitHubError]
) -> None:
    """Refusals are final: asked once, and the message says what GitHub said."""
    github.fail("GET", "/releases", status=status, message="because")

    with pytest.raises(kind, match="because"):
        client.releases.all()

    assert github.count("GET", "/releases") == 1
    assert slept == []


def test_forbidden_names_the_permission(github: FakeGitHub, client: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub says which permission is missing; so do we."""
    monkeypatch.delenv("GITHUB_TOKEN")

    with pytest.raises(errors.GitHubForbidden) as refused:
        GitHub.connect().issues.create(title="t", body="b")

    assert "contents=write" in refused.value.why


@pytest.mark.parametrize("status", [500, 502, 503, 504, None], ids=str)
def test_reading_is_tried_again(github: FakeGitHub, client: GitHub, slept: list[float], status: int | None) -> None:
    """After 5xx or a lost connection the question is asked again, each time after a longer pause."""
    for _ in range(ATTEMPTS - 1):
        if status is None:
            github.drop("GET", "/releases")
        else:
            github.fail("GET", "/releases", status=status)

    assert client.releases.all() == []
    assert slept == sorted(slept)
    assert len(slept) == ATTEMPTS - 1


def test_giving_up_says_so(github: FakeGitHub, client: GitHub) -> None:
    """What stays broken ends in an error, after a bounded number of attempts."""
    github.fail("GET", "/releases", status=503, times=100)

    with pytest.raises(errors.GitHubUnavailable, match="503"):
        client.releases.all()

    assert github.count("GET", "/releases") == ATTEMPTS


def test_making_is_not_tried_again(github: FakeGitHub, client: GitHub) -> None:
    """A POST may have been carried out although its answer was lost, so it is not sent twice."""
    github.drop("POST", "/issues", carried_out=True)

    with pytest.raises(errors.GitHubUnavailable):
        client.issues.create(title="broken", body="", labels=["nightly"])

    assert [issue.title for issue in client.issues.search(labels=["nightly"])] == ["broken"]


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (403, lambda: {"Retry-After": "7"}, 7.0),
        (429, lambda: {"Retry-After": "7"}, 7.0),
        (403, lambda: {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time()) + 30)}, 31.0),
        (429, dict, 60.0),
    ],
    ids=["retry-after", "429", "reset", "no hint"],
)
def test_rate_limits_are_waited_for(
    github: FakeGitHub,
    client: GitHub,
    slept: list[float],
    status: int,
    headers: Callable[[], dict[str, str]],
    expected: float,
) -> None:
    """The wait is as long as GitHub says; then even a POST is sent again, because it had not been carried out."""
    github.fail("POST", "/issues", status=status, headers=headers())

    client.issues.create(title="once", body="")

    assert slept == [pytest.approx(expected, abs=2)]
    assert len(client.issues.search()) == 1


def test_a_distant_end_of_the_limit_is_an_error(github: FakeGitHub, client: GitHub, slept: list[float]) -> None:
    """Nobody waits for an hour: the message says until when."""
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time()) + 3000)}
    github.fail("GET", "/releases", status=403, headers=headers)

    with pytest.raises(errors.GitHubLimited, match="UTC"):
        client.releases.all()

    assert slept == []


def test_all_pages_are_read(github: FakeGitHub, client: GitHub) -> None:
    """Lists are longer than a page."""
    for number in range(250):
        client.releases.create_draft(f"v0.0.{number}", name="", notes="")
    github.requests.clear()

    assert len({release.tag for release in client.releases.all()}) == 250
    assert github.count("GET", "/releases") == 3


def test_a_file_arrives_whole(github: FakeGitHub, client: GitHub, file: Path, tmp_path: Path) -> None:
    """What was sent is what comes back, and progress adds up to its size."""
    release = client.releases.create_draft("v1.0.0", name="", notes="")
    sent: list[int] = []
    asset = client.releases.upload(release, file, name="model.rmir", advance=sent.append)
    client.releases.download(asset, tmp_path / "back", advance=ignore)

    assert (tmp_path / "back").read_bytes() == BYTES
    assert sum(sent) == len(BYTES)


def test_an_upload_begins_again_after_a_rate_limit(github: FakeGitHub, client: GitHub, file: Path) -> None:
    """The second attempt sends the file from its start."""
    release = client.releases.create_draft("v1.0.0", name="", notes="")
    github.fail("POST", "/assets", status=429, headers={"Retry-After": "1"})

    asset = client.releases.upload(release, file, name="model.rmir", advance=ignore)

    assert asset.whole
    assert asset.size == len(BYTES)


def test_a_download_goes_on_where_it_broke(github: FakeGitHub, client: GitHub, file: Path, tmp_path: Path) -> None:
    """A lost connection costs what was not yet received, and nothing is there twice."""
    release = client.releases.create_draft("v1.0.0", name="", notes="")
    asset = client.releases.upload(release, file, name="model.rmir", advance=ignore)
    github.drop("GET", "/contents/", after=100_000)
    received: list[int] = []

    client.releases.download(asset, tmp_path / "back", advance=received.append)

    assert (tmp_path / "back").read_bytes() == BYTES
    assert sum(received) == len(BYTES)


def test_the_token_stays_out_of_messages(github: FakeGitHub, client: GitHub) -> None:
    """No error shows the token."""
    github.fail("GET", "/releases", status=500, times=100)

    with pytest.raises(errors.GitHubUnavailable) as failed:
        client.releases.all()

    assert github.token not in f"{failed.value.what} {failed.value.why} {failed.value.fix} {failed.value!r}"


def test_one_pull_request_a_branch(github: FakeGitHub, client: GitHub) -> None:
    """A pull request is found by its branch, and changed instead of opened twice."""
    made = client.pulls.create(title="Update", body="old", head="template", base="main")
    found = client.pulls.find(head="template")
    assert found is not None
    client.pulls.update(found.number, body="new")

    assert client.pulls.find(head="other") is None
    assert github.repository.pulls[made.number]["body"] == "new"
    assert client.issues.search() == []  # GitHub lists pull requests among the issues


def test_a_run_is_cancelled_once(github: FakeGitHub, client: GitHub) -> None:
    """Jobs say who took them; a run that has ended cannot be cancelled."""
    github.repository.runs[7] = {
        "id": 7, "name": "push", "status": "queued", "head_branch": "main", "head_sha": "0" * 40, "html_url": "page"
    }  # fmt: skip
    github.repository.jobs[7] = [{"id": 8, "name": "jetson", "status": "queued", "labels": ["self-hosted", "jetson"]}]

    (job,) = client.actions.jobs(7)
    assert (job.labels, job.runner) == (("self-hosted", "jetson"), None)
    client.actions.cancel(7)
    assert github.repository.cancelled == [7]
    with pytest.raises(errors.GitHubRefused, match="completed"):
        client.actions.cancel(7)
