"""`ci.conformance.case`: reading, checking and expanding cases."""

from pathlib import Path

import pytest

from ci.conformance.case import Order, fill, load_suites
from ci.conformance.exchange import Call
from ci.errors import BadYaml

FILE = """\
about: Something.
cases:
  - name: rates
    title: Rates
    each: {mode: [offline, streaming], rate: [8000, 16000]}
    call: "${mode}"
    send: {audio: {rate: "${rate}"}, config: {model: "${${mode}-model}"}}
    expect: {transcript: plain}
  - name: size
    title: Size
    call: streaming
    send: {audio: {signal: silence, seconds: 2}, stream: {interim: true}}
    variants:
      - {label: small, stream: {chunk: 0.1}}
      - {audio: {seconds: 3}}
    expect: {same: true}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "room" / "cases"
    folder.mkdir(parents=True)
    return folder


def test_axes_become_components_of_the_address(folder: Path) -> None:
    """Words as they are, numbers with the name of their axis; placeholders keep the type of the value."""
    (folder / "formats.yaml").write_text(FILE)

    (suite,) = load_suites([folder])

    assert [case.address for case in suite.cases] == [
        "room/formats/rates/offline/rate:8000",
        "room/formats/rates/offline/rate:16000",
        "room/formats/rates/streaming/rate:8000",
        "room/formats/rates/streaming/rate:16000",
        "room/formats/size",
    ]
    assert suite.cases[2].steps[0].call is Call.STREAMING
    assert suite.cases[2].steps[0].send == {"audio": {"rate": 8000}, "config": {"model": "${streaming-model}"}}


def test_variants_are_laid_over_what_is_sent(folder: Path) -> None:
    """Key by key, so that a variant says only what differs."""
    (folder / "formats.yaml").write_text(FILE)

    (suite,) = load_suites([folder])

    small, second = suite.cases[-1].steps
    assert small.send == {"audio": {"signal": "silence", "seconds": 2}, "stream": {"interim": True, "chunk": 0.1}}
    assert second.send == {"audio": {"signal": "silence", "seconds": 3}, "stream": {"interim": True}}
    assert (small.label, second.label) == ("small", "2")


def test_needs_follow_from_the_calls(folder: Path) -> None:
    """A case that sends an utterance needs an evaluation set; one that sends silence does not."""
    (folder / "formats.yaml").write_text(FILE)

    (suite,) = load_suites([folder])

    assert suite.cases[0].needs == {"offline", "utterances"}
    assert suite.cases[-1].needs == {"streaming"}


def test_first_and_last_files_frame_the_others(folder: Path) -> None:
    """Whatever their names."""
    for name, order in {"a": "order: last\n", "b": "", "c": "order: first\n"}.items():
        (folder / f"{name}.yaml").write_text(order + FILE)

    suites = load_suites([folder])

    assert [(suite.address, suite.cases[0].order) for suite in suites] == [
        ("room/c", Order.FIRST),
        ("room/b", Order.BETWEEN),
        ("room/a", Order.LAST),
    ]


WRONG = {
    "unknown key": ("title: Rates", "title: Rates\n    colour: red", r"formats\.yaml:5: cases\[0\]\.colour"),
    "unknown expectation": ("transcript: plain", "transcripts: plain", r"formats\.yaml:8: cases\[0\]\.expect"),
    "unknown value": ("transcript: plain", "transcript: nice", r"formats\.yaml:8: cases\[0\]\.expect\.transcript"),
    "unknown call": ('call: "${mode}"', "call: shout", "'shout' is not a valid Call"),
    "unknown format": ('rate: "${rate}"', "format: mp3", "unknown audio format 'mp3'"),
    "unknown need": ('call: "${mode}"', 'call: "${mode}"\n    needs: [luck]', "unknown needs luck"),
    "same address": (
        "name: size",
        "name: rates\n    each: {mode: [offline], rate: [8000]}",
        "two cases have this address",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_refused(folder: Path, old: str, new: str, message: str) -> None:
    """A case that is misread would pass for the wrong reason."""
    (folder / "formats.yaml").write_text(FILE.replace(old, new))

    with pytest.raises(BadYaml, match=message):
        load_suites([folder])


def test_unknown_placeholders_stay() -> None:
    """They are filled later, when the server has told its models."""
    assert fill({"a": ["${x} and ${y}", "${x}"]}, {"x": 1}) == {"a": ["1 and ${y}", 1]}
