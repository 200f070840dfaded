"""Nothing guarantees that a model can follow a stream: what streaming costs in errors has a limit in pipeline.yaml."""

from pathlib import Path

import pytest

from ci.conformance.__main__ import CASES_FAILED, main
from ci.conformance.subject import DEFAULT_LIMITS
from tests.conformance.mistakes.recognition import HearsLessInStreams
from tests.conformance.scripted.server import serving

GATE = "speech_recognition/recognition/streaming-minus-offline"
DECLARATION = "language: en-US\nbuilds: {offline: {}, streaming: {}}\n"


def judged(folder: Path, evaluation: Path, accuracy: str) -> int:
    (folder / "pipeline.yaml").write_text(DECLARATION + accuracy, encoding="utf-8")
    with serving(HearsLessInStreams()) as uri:
        return main(
            [f"--uri={uri}", f"--declare={folder / 'pipeline.yaml'}", f"--evaluation={evaluation}", f"--run={GATE}"]
        )


@pytest.mark.parametrize(
    ("accuracy", "passes"),
    [
        ("accuracy: {offline: 0.1, streaming: 1.0, streaming_minus_offline: 0.02}\n", False),
        ("accuracy: {offline: 0.1, streaming: 1.0, streaming_minus_offline: 1.0}\n", True),
        ("", False),
    ],
    ids=["beyond the limit", "within the limit", "nothing declared"],
)
def test_the_limit_decides(
    tmp_path: Path, evaluation_folder: Path, capsys: pytest.CaptureFixture[str], accuracy: str, passes: bool
) -> None:
    """A model that streams worse than the limit fails the judgement, and with it the pipeline; undeclared means 2 %."""
    assert judged(tmp_path, evaluation_folder, accuracy) == (0 if passes else CASES_FAILED)

    out = capsys.readouterr().out
    assert "streaming minus offline: +" in out
    assert (f"FAIL {GATE}" in out) is not passes
    assert DEFAULT_LIMITS["streaming_minus_offline"] == 0.02
