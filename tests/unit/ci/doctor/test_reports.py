"""What was found, for people, programs and GitHub."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from ci.doctor import reports
from ci.doctor.checks import check
from ci.doctor.facts import Host
from ci.doctor.findings import Finding
from ci.doctor.job import Job
from tests.unit.ci.doctor.recordings import Recorded, job, look

Report = tuple[list[Finding], Host, Job]


@pytest.fixture
def report() -> Report:
    """A Jetson that is too new, with a runner's labels."""
    asked = job("jetson", labels=("self-hosted", "jetson", "l4t-36.3"))
    host = look(Recorded("jetson-36.4"), asked)
    return list(check(host, asked)), host, asked


def test_json_has_facts_and_findings(report: Report) -> None:
    """Programs get what was found, what it was found from, and the exit code."""
    document = json.loads(json.dumps(reports.as_document(*report)))

    assert (document["schema"], document["outcome"], document["exit_code"]) == (1, "fails", 1)
    assert document["job"]["images"] == ["nvcr.io/nvidia/riva/riva-speech:2.19.0-l4t-aarch64"]
    assert document["host"]["jetson"]["l4t"] == "36.4.7"
    assert {"rule", "outcome", "what", "why", "fix", "link"} == set(document["findings"][0])
    assert ("l4t-line-as-image", "fails") in [(each["rule"], each["outcome"]) for each in document["findings"]]


def test_the_table_says_what_to_do(report: Report) -> None:
    """A line a finding, its reason and remedy under it, and a last line that counts; markup of a machine is text."""
    findings, _, asked = report
    shown = io.StringIO()
    odd = findings[0].rule.note("a machine called [red]x[/red]")

    reports.show([*findings, odd], asked, Console(file=shown, width=120))

    lines = shown.getvalue().splitlines()
    assert any(line.startswith("fails") and "l4t-line-as-image" in line and "36.4.7" in line for line in lines)
    assert any("fix: flash the JetPack" in line for line in lines)
    assert "[red]x[/red]" in shown.getvalue()
    assert lines[-1].startswith("Riva 2.19.0, target jetson, runtime container: 3 fails, ")


def test_the_page_shows_trouble_first(report: Report) -> None:
    """On GitHub the failures stand on top, and what is in order is folded away."""
    findings, _, asked = report
    page = reports.as_markdown(findings, asked)

    marks = [line[2] for line in page.splitlines() if line.startswith("- ")]
    assert marks == sorted(marks, key="❌⚠❔📝✅".index)
    assert page.index("</details>") > page.index("✅ **ok**") > page.index("<details>")
    assert page.startswith("### ❌ Runner doctor")


def test_github_gets_annotations(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Warnings and failures are annotations with what to do; notes and what nobody knows are not."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    findings, _, asked = report

    reports.annotate(findings, asked)

    said = capsys.readouterr().err
    assert "::error title=runner doctor%3A l4t-line-as-image::the Jetson runs L4T 36.4.7" in said
    assert "::warning title=runner doctor%3A container-toolkit-safe::" in said
    assert "clock" not in said
    assert (tmp_path / "summary.md").read_text().startswith("### ❌ Runner doctor")


def test_elsewhere_nothing_is_annotated(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    """A person at a terminal has the table."""
    reports.annotate(report[0], report[2])

    assert capsys.readouterr() == ("", "")
