"""`ci.conformance.subject`: what is asked for, what is skipped, what the limits are."""

from pathlib import Path

import pytest

from ci.conformance.case import Case, load_suites
from ci.conformance.declaration import Declaration
from ci.conformance.evaluation import Evaluation, Utterance
from ci.conformance.exchange import Call
from ci.conformance.server import Listing, Model
from ci.conformance.subject import DEFAULT_LIMITS, Subject
from pipelines.errors import UsageError

CASES = """\
about: Some.
cases:
  - {name: offline, title: t, call: offline, expect: {transcript: some}}
  - {name: streaming, title: t, call: streaming, send: {audio: {signal: silence}}, expect: {transcript: none}}
  - {name: profane, title: t, call: offline, needs: [profane-words], expect: {masked: spoken}}
  - {name: health, title: t, call: check, expect: {serving: SERVING}}
"""
UTTERANCE = Utterance(Path("a.flac"), "a")
STREAMING = Model(
    "s", {"type": "online", "language_code": "de-DE, en-GB", "chunk_size": "0.8", "right_padding_size": "1.6"}
)
OFFLINE = Model("o", {"type": "offline", "language_code": "en-US"})


@pytest.fixture
def cases(tmp_path: Path) -> dict[str, Case]:
    folder = tmp_path / "room" / "cases"
    folder.mkdir(parents=True)
    (folder / "some.yaml").write_text(CASES)
    (suite,) = load_suites([folder])
    return {case.address.rpartition("/")[2]: case for case in suite.cases}


def subject(
    *models: Model, pairs: set[tuple[str, str]] | None = None, evaluation: bool = True, words: str = ""
) -> Subject:
    declared = None if pairs is None else frozenset(pairs)
    declaration = Declaration(pairs=declared, profane_words=tuple(words.split()))
    return Subject(Listing(models), declaration, Evaluation((UTTERANCE,) if evaluation else ()))


def test_what_nobody_declares_is_skipped_with_a_reason(cases: dict[str, Case]) -> None:
    """The server's list counts where there is no declaration."""
    streaming_only = subject(STREAMING)

    assert streaming_only.missing(cases["offline"]) == "the server lists no offline model"
    assert streaming_only.missing(cases["streaming"]) == ""
    assert streaming_only.missing(cases["health"]) == ""


def test_what_is_declared_is_never_skipped(cases: dict[str, Case]) -> None:
    """A server that forgets a declared model must fail its cases, not have them skipped."""
    forgetful = subject(STREAMING, pairs={("en-US", "offline")})

    assert forgetful.missing(cases["offline"]) == ""
    assert forgetful.missing(cases["streaming"]) == "no streaming model is declared"


def test_an_evaluation_set_and_profane_words_can_be_missing(cases: dict[str, Case]) -> None:
    """Both are said by name."""
    assert "--evaluation" in subject(OFFLINE, evaluation=False).missing(cases["offline"])
    assert "profane_words" in subject(OFFLINE).missing(cases["profane"])
    assert subject(OFFLINE, words="golf").missing(cases["profane"]) == ""


def test_the_language_is_the_declared_one_else_the_listed_one() -> None:
    """Newer models list several languages; the first is asked for."""
    assert subject(STREAMING).language("streaming") == "de-DE"
    assert subject(STREAMING, pairs={("fr-FR", "streaming")}).language("streaming") == "fr-FR"
    assert subject().language("offline") == "en-US"


def test_placeholders_name_the_models_that_answer() -> None:
    """A mode without a model has no name to ask for."""
    names = subject(STREAMING, OFFLINE).names(Call.STREAMING)

    assert names == {"language": "de-DE", "type": "online", "streaming-model": "s", "offline-model": "o"}
    assert "offline-model" not in subject(STREAMING).names(Call.STREAMING)


def test_chunk_and_padding_come_from_the_server() -> None:
    """They decide how soon a word can be shown; without them those of the low-latency recipe are taken."""
    assert (subject(STREAMING).chunk_seconds, subject(STREAMING).right_padding_seconds) == (0.8, 1.6)
    assert (subject().chunk_seconds, subject().right_padding_seconds) == (0.16, 0.0)


def test_declared_limits_win(tmp_path: Path) -> None:
    """Those that are not declared keep their defaults, and a name that is none is refused."""
    path = tmp_path / "pipeline.yaml"
    path.write_text("language: en-US\nbuilds: {offline: {}}\naccuracy: {offline: 0.02}\nversion: 1.0.0\n")
    judged = Subject(Listing(), Declaration.read(path), Evaluation())

    assert judged.limit("offline") == 0.02
    assert judged.limit("streaming") == DEFAULT_LIMITS["streaming"]
    assert judged.limit(0.5) == 0.5
    with pytest.raises(UsageError, match="no limit is called 'luck'"):
        judged.limit("luck")
