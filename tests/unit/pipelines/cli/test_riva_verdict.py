"""riva-verdict ends with the code of the worst outcome and prints what it found in the form that was asked for."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.cli import riva_verdict
from pipelines.verdict.rules import RULES
from tests.nemo_checkpoints import config, write_nemo

RNNT = "nemo.collections.asr.models.rnnt_bpe_models.EncDecRNNTBPEModel"
ANYWHERE = ("--memory=any", "--disk=any")


def verdict(*arguments: str | Path) -> int:
    return riva_verdict.main([*map(str, arguments), *ANYWHERE])


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A checkpoint that works."""
    return write_nemo(tmp_path / "good.nemo")


def test_a_checkpoint_that_works_ends_with_0(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table says what it is, where it works, and counts what is not known."""
    assert verdict(good) == 0

    table = capsys.readouterr().out
    for text in (
        "good.nemo: works",
        "Riva 2.19.0 on cpu",
        "EncDecCTCModel",
        "Conformer",
        "16000 Hz",
        "1 unknown",
    ):
        assert text in table


def test_each_outcome_has_its_code(good: Path, tmp_path: Path) -> None:
    """0 works, 1 does not, 3 cannot be read, 4 unknown, 64 usage; of several checkpoints the worst decides."""
    bad, torn = write_nemo(tmp_path / "bad.nemo", config(RNNT)), tmp_path / "torn.nemo"
    torn.write_bytes(b"torn")

    assert verdict(bad) == 1
    assert verdict(torn) == 3
    assert verdict(good, "--riva-version=2.17.0", "--target=x86-gpu") == 4
    assert verdict(good, "--riva-version=2.16.0") == 0  # works with a waiver
    assert verdict(good, bad) == 1
    assert verdict(bad, torn, good) == 3
    assert verdict(good, "--riva-version=all", "--target=all") == 4


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.nemo", "--target=gpu"],
        ["a.nemo", "--riva-version=1.0"],
        ["a.nemo", "--json", "--sarif"],
        ["a.nemo", "--pipeline=speech"],
        ["--explain=no-such-rule"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_64(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be understood is said with what to do, before any checkpoint is opened."""
    assert verdict(*arguments) == 64
    assert "fix:" in capsys.readouterr().err


def test_memory_that_does_not_suffice_is_refused(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A machine is named by its memory and disk; one that is too small is said so before work starts."""
    assert riva_verdict.main([str(good), "--memory=1GB", "--disk=1GB"]) == 1
    assert "there are 1.0 GB" in capsys.readouterr().out
    assert riva_verdict.main([str(good), "--memory=64GiB", "--disk=1TB"]) == 0


@pytest.mark.parametrize(
    "make",
    [
        Path.mkdir,
        os.mkfifo,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"),
        lambda path: path.symlink_to("nowhere"),
    ],
    ids=["folder", "fifo", "empty", "lfs_pointer", "dangling_link"],
)
def test_what_is_no_checkpoint_ends_with_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], object]
) -> None:
    """The command says so with something to do, in every form, and waits for nothing."""
    path = tmp_path / "model.nemo"
    make(path)

    for form in ("--json", "--sarif", "--markdown"):
        assert verdict(path, form) == 3
    capsys.readouterr()
    assert verdict(path) == 3
    shown = capsys.readouterr()
    assert "cannot be read" in shown.out
    assert "fix" in shown.out
    assert shown.err == ""


def test_json_and_sarif_hold_the_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both are whole documents on stdout, and name the rule."""
    bad = write_nemo(tmp_path / "bad.nemo", config(RNNT))

    assert verdict(bad, "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert verdict(bad, "--sarif") == 1
    log = json.loads(capsys.readouterr().out)

    assert (document["outcome"], document["exit_code"]) == ("fails", 1)
    assert document["checkpoints"][0]["findings"][0]["rule"] == "class-supported"
    assert log["runs"][0]["results"][0]["ruleId"] == "class-supported"


def test_a_report_holds_every_form(good: Path, tmp_path: Path) -> None:
    """--report writes JSON, SARIF and Markdown beside what is printed."""
    assert verdict(good, f"--report={tmp_path / 'report'}") == 0

    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [
        "verdict.json",
        "verdict.md",
        "verdict.sarif",
    ]


def test_rules_are_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Every rule is on the list, and --explain says why it matters and what to do."""
    assert riva_verdict.main(["--rules"]) == 0
    listed = capsys.readouterr().out
    assert all(f"  {rule} " in listed for rule in RULES)

    assert riva_verdict.main(["--explain", "graph-agrees"]) == 0
    explained = " ".join(capsys.readouterr().out.split())
    rule = RULES["graph-agrees"]
    assert all(part in explained for part in (rule.id, rule.title, rule.why, rule.fix, rule.link))
