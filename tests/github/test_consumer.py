"""A consumer against a GitHub on loopback: install, verify, go back; a directory holds one whole version or another."""

import json
import stat
from pathlib import Path

import pytest

from ci.errors import AttestationFailed, GitHubUnauthorized, NoSuchRelease, ReleaseDamaged
from ci.release.__main__ import main
from pipelines.errors import OutputExists, UsageError
from tests.github.server import FakeGitHub
from tests.releases import MODEL, Workshop

REPOSITORY = "owner/speech"


@pytest.fixture
def workshop(github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A repository that has published 1.0.0 and 1.1.0 of a model, the RMIRs in parts."""
    monkeypatch.setattr("shutil.which", lambda name: None)  # no gh, whatever this machine has
    made = Workshop(tmp_path, monkeypatch)
    for version in ("1.0.0", "1.1.0"):
        release(github, made, version)
    return made


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A model directory that is not there yet."""
    return tmp_path / "riva"


def release(github: FakeGitHub, workshop: Workshop, version: str, *, model: str = MODEL, tag: str = "") -> None:
    workshop.make(version, model=model, weights=version.encode())
    tag = tag or f"{model}/v{version}"
    files = {path.name: path.read_bytes() for path in workshop.assemble(tag, limit="6kB").iterdir()}
    github.repository.put_release(tag, files, base=github.api_url)


def install(directory: Path, *more: str, source: str = REPOSITORY, model: str = MODEL) -> int:
    return main(["install", source, "--model", model, "--into", str(directory), *more])


def current(directory: Path, workshop: Workshop, model: str = MODEL) -> str:
    """The version whose bytes are in rmir/."""
    installed = (directory / "rmir" / f"{model}.rmir").read_bytes()
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        place = workshop.hand_over(version, model=model, weights=version.encode())
        if (place / f"{model}.rmir").read_bytes() == installed:
            return version
    return "none of them"


def test_the_newest_is_installed(workshop: Workshop, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One command: parts are joined, digests compared, and the next command is printed."""
    assert install(directory) == 0

    assert current(directory, workshop) == "1.1.0"
    told = capsys.readouterr().out
    assert f"deploy_all_models {directory}/rmir {directory}/models" in told
    assert "not verified: the GitHub CLI (gh) is not on this machine" in told
    assert {path.name for path in (directory / "releases" / MODEL / "1.1.0-cpu").iterdir()} == {
        f"{MODEL}.rmir", f"{MODEL}-1.1.0.md", f"{MODEL}-1.1.0.manifest.json"
    }  # fmt: skip


def test_only_what_is_needed_is_downloaded_and_once(github: FakeGitHub, workshop: Workshop, directory: Path) -> None:
    """Installing again what is there costs SHA256SUMS and the manifest."""
    install(directory)
    github.requests.clear()

    assert install(directory) == 0
    assert github.count("GET", "/releases/assets/") == 2


@pytest.mark.parametrize(
    "source",
    [
        "https://github.com/owner/speech",
        "https://github.com/owner/speech.git",
        "https://github.com/owner/speech/releases",
        "https://github.com/owner/speech/releases/tag/marks%2Fv1.0.0",
        "https://github.com/owner/speech/releases/tag/marks/v1.0.0",
    ],
)
def test_addresses_are_understood(workshop: Workshop, directory: Path, source: str) -> None:
    """Whatever a person copies from the browser; the address of a release means that release."""
    assert install(directory, source=source) == 0
    assert current(directory, workshop) == ("1.0.0" if "tag" in source else "1.1.0")


def test_a_folder_that_was_carried_over_will_do(workshop: Workshop, directory: Path) -> None:
    """Where no network is: the assets, downloaded elsewhere."""
    assert install(directory, source=str(workshop.assets)) == 0
    assert current(directory, workshop) == "1.1.0"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--model", "words"), NoSuchRelease, "published models: marks"),
        (("--version", "3.0.0"), NoSuchRelease, "published versions: 1.1.0, 1.0.0"),
        (("--target", "jetson"), NoSuchRelease, "choose with --target: cpu"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(
    workshop: Workshop,
    directory: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    arguments: tuple[str, ...],
    code: type[NoSuchRelease],
    told: str,
) -> None:
    """The message lists the models, versions or targets that can be had; nothing is written."""
    assert install(directory, *arguments) == code.exit_code
    assert told in capsys.readouterr().err
    assert not (directory / "rmir").exists()


@pytest.mark.parametrize("source", ["speech", "ftp://github.com/owner/speech", "https://github.com/owner"])
def test_other_words_are_no_source(directory: Path, source: str) -> None:
    """A mistyped source is a mistake of the command line."""
    assert install(directory, source=source) == UsageError.exit_code


def test_the_token_goes_to_its_own_server_only(workshop: Workshop, github: FakeGitHub, directory: Path) -> None:
    """An address of somebody else's server is asked as anybody would."""
    github.public = False  # refuses whoever has no token
    assert install(directory) == 0
    assert install(directory, source=f"{github.api_url}/owner/speech") == GitHubUnauthorized.exit_code


def test_a_changed_asset_is_not_installed(github: FakeGitHub, workshop: Workshop, directory: Path) -> None:
    """Somebody replaces a part, and the sums too: the manifest still tells; what was installed stays."""
    install(directory, "--version", "1.0.0")
    stored = github.repository.published(f"{MODEL}/v1.1.0")
    number = next(i for i, asset in stored.assets.items() if asset["name"].endswith("part-001"))
    stored.contents[number] = b"!" + stored.contents[number][1:]

    assert install(directory) == ReleaseDamaged.exit_code
    assert current(directory, workshop) == "1.0.0"


def test_a_broken_download_leaves_the_old_version(github: FakeGitHub, workshop: Workshop, directory: Path) -> None:
    """After a failure in the middle the directory is as it was, and the next attempt succeeds."""
    install(directory, "--version", "1.0.0")
    github.fail("GET", "/contents/", status=503, times=100)
    assert install(directory) == 105
    assert current(directory, workshop) == "1.0.0"

    github.forgive()
    assert install(directory) == 0
    assert current(directory, workshop) == "1.1.0"


def test_models_share_a_directory(github: FakeGitHub, workshop: Workshop, directory: Path) -> None:
    """Each model has its own version; what somebody else put there stays."""
    release(github, workshop, "1.0.0", model="words")
    install(directory, "--version", "1.0.0")
    (directory / "rmir" / "of-ngc.rmir").write_bytes(b"other")

    assert install(directory, model="words") == 0
    assert install(directory) == 0
    assert {path.name for path in (directory / "rmir").glob("*.rmir")} == {"marks.rmir", "of-ngc.rmir", "words.rmir"}
    assert (current(directory, workshop), current(directory, workshop, "words")) == ("1.1.0", "1.0.0")


def test_a_file_in_the_way_is_not_replaced(workshop: Workshop, directory: Path) -> None:
    """An RMIR of that name that no release brought may be somebody's work."""
    (directory / "rmir").mkdir(parents=True)
    (directory / "rmir" / f"{MODEL}.rmir").write_bytes(b"mine")

    assert install(directory) == OutputExists.exit_code
    assert (directory / "rmir" / f"{MODEL}.rmir").read_bytes() == b"mine"


def test_going_back_in_a_directory(github: FakeGitHub, workshop: Workshop, directory: Path) -> None:
    """The version before is current again, without asking anybody; then there is none before it."""
    install(directory, "--version", "1.0.0")
    install(directory)
    github.requests.clear()
    command = ["rollback", "--into", str(directory), "--model", MODEL]

    assert main(command) == 0
    assert current(directory, workshop) == "1.0.0"
    assert github.requests == []
    assert main(command) == NoSuchRelease.exit_code


def test_a_damaged_earlier_version_is_not_gone_back_to(workshop: Workshop, directory: Path) -> None:
    """What is on the disk is compared before it becomes current."""
    install(directory, "--version", "1.0.0")
    install(directory)
    (directory / "releases" / MODEL / "1.0.0-cpu" / f"{MODEL}.rmir").write_bytes(b"bad sector")

    assert main(["rollback", "--into", str(directory), "--model", MODEL]) == ReleaseDamaged.exit_code
    assert current(directory, workshop) == "1.1.0"


def test_going_back_for_everybody(github: FakeGitHub, workshop: Workshop, directory: Path) -> None:
    """A withdrawn version is not chosen any more, can still be named, and can be offered again."""
    github.repository.immutable = True  # then only notes can be changed
    assert main(["rollback", REPOSITORY, "--model", MODEL]) == 0
    assert install(directory) == 0
    assert current(directory, workshop) == "1.0.0"
    assert github.repository.published(f"{MODEL}/v1.1.0").data["body"].startswith("> **Withdrawn: marks 1.1.0.**")
    assert github.repository.published(f"{MODEL}/v1.0.0").data["make_latest"]

    assert install(directory, "--version", "1.1.0") == 0
    assert current(directory, workshop) == "1.1.0"

    assert main(["rollback", REPOSITORY, "--model", MODEL, "--version", "1.1.0"]) == 0
    assert "Withdrawn" not in github.repository.published(f"{MODEL}/v1.1.0").data["body"]


def test_going_back_leaves_other_models(github: FakeGitHub, workshop: Workshop, directory: Path) -> None:
    """One model of a release of all is withdrawn; the others in it stay offered."""
    workshop.make("1.0.0", model="words")
    release(github, workshop, "1.2.0", tag="v5.0.0")

    assert main(["rollback", REPOSITORY, "--model", MODEL]) == 0
    install(directory)
    assert current(directory, workshop) == "1.1.0"
    assert install(directory, model="words") == 0


def test_a_dry_run_withdraws_nothing(github: FakeGitHub, workshop: Workshop) -> None:
    """It reads, and says what it would do."""
    assert main(["rollback", REPOSITORY, "--model", MODEL, "--dry-run"]) == 0
    assert {method for method, _ in github.requests} == {"GET"}


def test_going_back_is_rehearsed(github: FakeGitHub, workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    """Every model with two versions is taken there and back; one with a single version is installed."""
    release(github, workshop, "1.0.0", model="words")
    capsys.readouterr()

    assert main(["rollback", "--rehearse"]) == 0
    told = capsys.readouterr().out
    assert "installed 1.0.0, then 1.1.0, went back to the same bytes" in told
    assert "there is no earlier version to go back to yet" in told


def test_a_repository_without_releases_has_nothing_to_rehearse(
    github: FakeGitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fresh fork's nightly is green."""
    assert main(["rollback", "--rehearse"]) == 0
    assert "nothing is released yet" in capsys.readouterr().out


def test_a_release_is_verified_whole(github: FakeGitHub, workshop: Workshop) -> None:
    """All assets of a release, or of the latest, are fetched and compared."""
    assert main(["verify", "--tag", f"{MODEL}/v1.0.0"]) == 0
    assert main(["verify"]) == 0
    assert main(["verify", "--tag", "v9.9.9"]) == NoSuchRelease.exit_code

    stored = github.repository.published(f"{MODEL}/v1.0.0")
    number = next(i for i, asset in stored.assets.items() if asset["name"].endswith(".md"))
    stored.contents[number] = b"# A better model\n".ljust(len(stored.contents[number]))
    assert main(["verify", "--tag", f"{MODEL}/v1.0.0"]) == ReleaseDamaged.exit_code


@pytest.mark.parametrize("code", [0, 1])
def test_provenance_is_asked_of_the_github_cli(
    workshop: Workshop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    code: int,
) -> None:
    """Each asset is verified against the repository and the workflow; a refusal is the end."""
    tool, calls = tmp_path / "gh", tmp_path / "calls"
    tool.write_text(f'#!/bin/sh\necho "$*" >>{calls}\necho "no attestations found" >&2\nexit {code}\n')
    tool.chmod(tool.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setattr("shutil.which", lambda name: str(tool))
    signer = f"{REPOSITORY}/.github/workflows/reusable-publish.yml"

    assert main(["verify", "--signer-workflow", signer]) == (AttestationFailed.exit_code if code else 0)
    called = calls.read_text().splitlines()
    assert all(f"--repo {REPOSITORY} --signer-workflow {signer}" in each for each in called)
    if code:
        assert "no attestations found" in capsys.readouterr().err
    else:
        assert any(f"{MODEL}-1.1.0.manifest.json" in each for each in called)
        assert "verified: built by" in capsys.readouterr().out


def test_provenance_can_be_demanded(workshop: Workshop, directory: Path) -> None:
    """Where nobody may go without, a machine without the tool installs nothing."""
    assert install(directory, "--require-attestation") == AttestationFailed.exit_code
    assert not (directory / "rmir").exists()


def test_the_state_of_a_directory_can_be_read(workshop: Workshop, directory: Path) -> None:
    """What is installed stands beside it, as JSON; one that was spoilt is an error that says so."""
    install(directory)
    state = directory / "rmir" / ".installed.json"
    assert json.loads(state.read_text())[MODEL][-1]["version"] == "1.1.0"

    state.write_text("{")
    assert install(directory) == ReleaseDamaged.exit_code
