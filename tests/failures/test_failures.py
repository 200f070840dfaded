"""Every public failure that can be stopped before deployment is: its defect is seeded, and the tool finds it."""

from pathlib import Path

import pytest
import yaml

from ci.checked_yaml import read_checked
from pipelines.verdict import failures as module
from pipelines.verdict.failures import FAILURES, PAGE, Failure, failures, page
from pipelines.verdict.rules import RULES
from tests.failures.defects import DEFECTS, Found, Tools

ROOT = Path(__file__).parents[2]
ROWS = {row.number: row for row in failures()}
BEFORE_DEPLOYMENT = ("P0", "P1", "P2")


def cases() -> set[str]:
    """Every conformance case, as family/name."""
    return {
        f"{path.stem}/{case['name']}"
        for folder in ("pipelines", "ci")
        for path in (ROOT / folder).glob("**/cases/*.yaml")
        for case in yaml.safe_load(path.read_text(encoding="utf-8"))["cases"]
    }


@pytest.mark.parametrize("number", DEFECTS)
def test_the_defect_is_found_when_promised(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rules of the row fire, in the tool of the phase that the table names or in an earlier one."""
    row, found = ROWS[number], []
    for index, defect in enumerate(DEFECTS[number]):
        (folder := tmp_path / str(index)).mkdir()
        with monkeypatch.context() as patches:
            found.append(defect(folder, Tools(patches, capsys)))

    assert set(row.rules) <= set[str]().union(*(each.rules for each in found)), [each.said for each in found]
    assert min(each.phase for each in found) <= row.stopped


def test_what_to_do_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who has a model that is not exported at all, or only after losing a decoder, is told so."""

    def told(number: int) -> list[Found]:
        found = []
        for index, defect in enumerate(DEFECTS[number]):
            (folder := tmp_path / f"{number}-{index}").mkdir()
            found.append(defect(folder, Tools(monkeypatch, capsys)))
        return found

    assert "the .nemo goes to riva-build as it is" in told(21)[0].said
    transducer, hybrid = told(22)
    assert "nemo2riva --format nemo" in transducer.said
    assert "convert_nemo_asr_hybrid_to_ctc.py" in hybrid.said


def test_every_row_is_answered() -> None:
    """Thirty reports: each is stopped, or out of reach for a reason; none is stopped later than it could have been."""

    def in_time(row: Failure) -> bool:
        return bool(row.stopped) and row.stopped <= row.earliest

    assert sorted(ROWS) == list(range(1, 31))
    assert all(in_time(row) for row in ROWS.values() if row.earliest in BEFORE_DEPLOYMENT and not row.out_of_reach)
    assert all(row.rules for row in ROWS.values() if row.stopped in BEFORE_DEPLOYMENT)
    assert set(DEFECTS) == {number for number, row in ROWS.items() if row.rules}


def test_rules_and_cases_exist() -> None:
    """A row names rules of the verdict and cases of the conformance suite, not what was once planned."""
    assert {rule for row in ROWS.values() for rule in row.rules} <= set(RULES)
    assert {case for row in ROWS.values() for case in row.cases} <= cases()


def test_the_table_follows_its_schema() -> None:
    """A row says where it was reported, what happened, and what stops it or why nothing does."""
    read_checked(FAILURES, schema=FAILURES.with_name("failures.schema.yaml"))


def test_the_page_is_current() -> None:
    """After a change of the table: `python -m pipelines.verdict.failures`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_generator_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command writes the same text, a line for each row."""
    monkeypatch.setattr(module, "PAGE", tmp_path / "page.md")

    assert module.main([]) == 0
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert text == page()
    assert sum(line.startswith("| ") for line in text.splitlines()) == len(ROWS) + 1
