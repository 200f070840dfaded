"""`ci.conformance.checks.punctuation`: each way in which a text can be wrong is told apart."""

from typing import Any

import pytest
from riva.client.proto import riva_nlp_pb2 as nlp

from ci.conformance.checks import judge, punctuation
from ci.conformance.checks.evidence import Answer, Evidence, shown
from ci.conformance.declaration import Declaration
from ci.conformance.evaluation import Evaluation, Passage
from ci.conformance.exchange import Call, Exchange, Reply, Request
from ci.conformance.server import Listing
from ci.conformance.subject import Subject

PASSAGES = (
    Passage("one", "hello paris how are you", "Hello, Paris, how are you?", "Hello Paris, how are you?"),
    Passage("two", "i am fine", "I am fine."),
)
RIGHT = ["Hello, Paris, how are you?", "I am fine."]


def evidence(*got: str, limits: dict[str, float] | None = None) -> Evidence:
    """One request with both passages, answered so."""
    request = Request(Call.PUNCTUATE, passages=PASSAGES)
    exchange = Exchange(request, (Reply(nlp.TextTransformResponse(text=got), 0.1),), "OK", "", seconds=0.1)
    return Evidence((Answer("a", exchange),), Subject(Listing(), Declaration(limits=limits or {}), Evaluation()))


WORDS = {
    "as sent": (["hello paris how are you", "i am fine"], []),
    "marks and capitals": (["HELLO?! Paris: how are you", "I am fine。"], []),
    "a word less": (["hello paris how are", "i am fine"], ["4: 'hello paris how are'"]),
    "another word": (["hello rome how are you", "i am fine"], ["'rome'"]),
    "letters behind a word": (["hello parisian how are you", "i am fine"], ["'parisian'"]),
    "a mark before a word": (["hello paris how are you", "(i am fine"], ["'(i'"]),
}


@pytest.mark.parametrize(("got", "findings"), WORDS.values(), ids=WORDS)
def test_words_are_kept(got: list[str], findings: list[str]) -> None:
    """Any case, and marks behind a word, are fine."""
    assert [each.got for each in punctuation.words_kept(True, evidence(*got)).findings] == findings


ANSWERS: dict[str, tuple[list[str], list[str]]] = {
    "right": (RIGHT, []),
    "one as it was sent": ([RIGHT[0], "i am fine"], ["the text as it was sent"]),
    "no marks": (["Hello Paris how are you", "I am fine"], ["no marks in any text"]),
    "no capitals": (["hello, paris, how are you?", "i am fine."], ["no capitals in any text"]),
    "one without marks": ([RIGHT[0], "I am fine"], []),
}


@pytest.mark.parametrize(("got", "findings"), ANSWERS.values(), ids=ANSWERS)
def test_texts_are_changed(got: list[str], findings: list[str]) -> None:
    """A text as it was sent is one too many; single marks are for the accuracy."""
    assert [each.got for each in punctuation.changed(True, evidence(*got)).findings] == findings


def test_accuracy_counts_words() -> None:
    """Of all texts together, marks apart from capitals; a text with another number of words is wrong altogether."""
    limits = {"punctuation": 0.1, "capitalisation": 0.2}
    names = ["punctuation", "capitalisation"]

    verdict = punctuation.accuracy(names, evidence("Hello paris, how are you?", "I am fine.", limits=limits))
    lost = punctuation.accuracy(names, evidence(RIGHT[0], "I am.", limits=limits))

    assert verdict.facts == {
        "words wrong in punctuation, punctuate": "12.50% of 10.00%",
        "words wrong in capitalisation, punctuate": "12.50% of 20.00%",
    }
    assert [finding.got for finding in verdict.findings] == ["12.50% (1 of 8)"]
    assert [score.errors for score in verdict.scores] == [2, 0]
    assert [finding.got for finding in lost.findings] == ["37.50% (3 of 8)"] * 2


def test_a_recording_is_compared_to_the_letter() -> None:
    """From the word on in which the answer leaves it; texts that were not recorded do not count."""
    verdict = punctuation.recorded(True, evidence(*RIGHT))

    (finding,) = verdict.findings
    assert (finding.expected, finding.got) == (
        "'Hello Paris, how are you?', as recorded",
        "'Hello, Paris, how are you?'",
    )
    assert verdict.facts == {"texts compared with recordings": "1"}


def test_a_text_too_few_ends_the_judgement() -> None:
    """Nobody could say which answer is whose."""
    case: Any = type("Case", (), {"expect": {"words_kept": True}})

    verdict = judge(case, evidence("Hello, Paris, how are you?"))

    assert [(each.expected, each.got) for each in verdict.findings] == [("2 texts, one for each that was sent", "1")]


def test_long_texts_are_cut_in_findings() -> None:
    """A megabyte in a report would help nobody."""
    assert shown("a" * 1000) == repr("a" * 200) + " and 800 characters more"
