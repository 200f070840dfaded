"""A failure is said twice in GitHub Actions, and not at all elsewhere."""

from pathlib import Path

import pytest

from ci import github
from pipelines.errors import RivaError

ERROR = RivaError("a.yaml:3: builds: 100 % wrong\nsecond line", why="a typo", fix="correct it")


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GitHub Actions, with its step summary."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return tmp_path / "summary.md"


def test_annotation_is_one_line(summary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Newlines and percent signs are escaped, or the message would end at the first."""
    github.annotate(ERROR, title="words: 1.0, en")

    assert capsys.readouterr().err == (
        "::error title=words%3A 1.0%2C en::a.yaml:3: builds: 100 %25 wrong%0Asecond line\n"
    )


def test_summary_holds_the_remedy(summary: Path) -> None:
    """The step summary says what happened, why, and what to do."""
    github.annotate(ERROR, title="words")

    text = summary.read_text()
    assert "### ❌ words" in text
    assert "**Why:** a typo" in text
    assert "**Fix:** correct it" in text


def test_nothing_is_written_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a developer's machine there is neither annotation nor summary."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    github.annotate(ERROR, title="words")

    assert capsys.readouterr().err == ""
    assert not (tmp_path / "summary.md").exists()


def test_outputs_may_have_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value cannot end itself, and so set another output."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    github.set_output("models", "a\nEOF\nevil=1")

    first, *value, last = (tmp_path / "output").read_text().splitlines()
    assert value == ["a", "EOF", "evil=1"]
    assert first == f"models<<{last}"


def test_an_enterprise_server_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses are those of the run, or GitHub's."""
    assert (github.api_url(), github.server_url()) == ("https://api.github.com", "https://github.com")
    monkeypatch.setenv("GITHUB_API_URL", "https://git.example.com/api/v3/")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://git.example.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/speech")
    monkeypatch.setenv("GITHUB_RUN_ID", "7")

    assert github.api_url() == "https://git.example.com/api/v3"
    assert github.run_url() == "https://git.example.com/owner/speech/actions/runs/7"


def test_no_token_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable, as a missing secret leaves it, is no token; `gh`'s variable will do."""
    monkeypatch.setenv("GITHUB_TOKEN", "")
    monkeypatch.delenv("GH_TOKEN", raising=False)
    assert github.token() is None
    monkeypatch.setenv("GH_TOKEN", "t")
    assert github.token() == "t"


def test_what_leaves_a_command_is_shown(summary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A command says once that its errors are to be shown, and they still end it."""

    @github.annotated("plan")
    def command() -> None:
        raise ERROR

    with pytest.raises(RivaError):
        command()
    assert capsys.readouterr().err.startswith("::error title=plan::a.yaml:3")
    assert "### ❌ plan" in summary.read_text()
