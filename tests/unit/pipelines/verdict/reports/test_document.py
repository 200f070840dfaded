"""The JSON says everything that the verdict holds, in values that any program reads."""

import json
from pathlib import Path

from pipelines.verdict.reports.document import SCHEMA, as_document
from pipelines.verdict.verdict import judge
from tests.nemo_checkpoints import config, write_nemo


def test_a_verdict_is_told_whole(tmp_path: Path) -> None:
    """Outcome, facts, needs, findings, and every place with its own findings."""
    path = write_nemo(tmp_path / "a.nemo", config(decoder={"num_classes": 3}))

    document = json.loads(json.dumps(as_document([judge(path)])))

    assert (document["schema"], document["outcome"], document["exit_code"]) == (SCHEMA, "fails", 1)
    (checkpoint,) = document["checkpoints"]
    assert checkpoint["path"] == str(path)
    assert checkpoint["asked"] == [{"riva": "2.19.0", "target": "cpu"}]
    assert checkpoint["facts"]["architecture"]["family"] == "Conformer"
    assert checkpoint["needs"]["export_memory"] > 0
    assert checkpoint["counts"] == {"fails": 12}
    assert "vocabulary-present" in [finding["rule"] for finding in checkpoint["findings"]]
    assert {"rule", "outcome", "what", "where", "why", "fix", "link"} == checkpoint["findings"][0].keys()
    assert len(checkpoint["places"]) == 12
    assert all(place["findings"] for place in checkpoint["places"])


def test_what_cannot_be_read_has_no_facts(tmp_path: Path) -> None:
    """The document has the same keys, with nothing in them that was guessed."""
    document = as_document([judge(tmp_path / "missing.nemo")])

    (checkpoint,) = document["checkpoints"]
    assert document["exit_code"] == 3
    assert (checkpoint["facts"], checkpoint["needs"], checkpoint["places"]) == (None, None, [])
    assert checkpoint["findings"][0]["rule"]


def test_the_worst_decides(tmp_path: Path) -> None:
    """The outcome above all checkpoints is the worst of them."""
    good = write_nemo(tmp_path / "a.nemo")

    assert as_document([judge(good)])["outcome"] == "works"
    assert as_document([judge(good), judge(tmp_path / "missing.nemo")])["outcome"] == "unreadable"
