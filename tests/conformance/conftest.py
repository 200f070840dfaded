"""The evaluation set of tones and a way to judge a server with some of the cases."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ci.conformance.case import Suite, load_suites, select
from ci.conformance.declaration import Declaration
from ci.conformance.evaluation import Evaluation, Passage, read_evaluation
from ci.conformance.known import KnownFailures
from ci.conformance.run import Run, run_suites
from ci.conformance.server import Connection
from ci.conformance.subject import DEFAULT_LIMITS
from pipelines.registry import rooms
from tests.conformance.scripted.language import punctuate
from tests.conformance.scripted.server import ScriptedServer, serving
from tests.conformance.scripted.speech import PROFANE
from tests.conformance.tones import SENTENCES, write_evaluation

DECLARATION = Declaration(
    pairs=frozenset({("en-US", "offline"), ("en-US", "streaming"), ("en-US", "punctuation")}),
    limits=dict.fromkeys(DEFAULT_LIMITS, 0.0),
    profane_words=tuple(PROFANE),
)

Judge = Callable[..., Run]


@pytest.fixture(scope="session")
def suites() -> tuple[Suite, ...]:
    """All cases of all rooms."""
    return load_suites([room.cases for room in rooms()])


@pytest.fixture(scope="session")
def evaluation_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_evaluation(tmp_path_factory.mktemp("evaluation"))


@pytest.fixture(scope="session")
def evaluation(evaluation_folder: Path) -> Evaluation:
    """Utterances, and passages of one to eight of their sentences, each of which ends with a full stop."""
    sentences = [f"{sentence} hotel" for sentence in SENTENCES]
    texts = [" ".join(sentences[:count]) for count in range(1, len(sentences) + 1)]
    passages = (Passage(f"text {n}", text, punctuate(text), punctuate(text)) for n, text in enumerate(texts, 1))
    return read_evaluation(evaluation_folder) + Evaluation(passages=tuple(passages))


@pytest.fixture
def judge(suites: tuple[Suite, ...], evaluation: Evaluation) -> Judge:
    """Judges a server with the cases of some patterns (all if there are none)."""

    def judge(
        server: ScriptedServer,
        patterns: Sequence[str] = (),
        *,
        known: KnownFailures | None = None,
        declaration: Declaration = DECLARATION,
        evaluation: Evaluation = evaluation,
    ) -> Run:
        chosen = select(suites, run=patterns, skip=())
        with serving(server) as uri, Connection(uri) as connection:
            return asyncio.run(
                run_suites(
                    chosen,
                    connection,
                    declaration=declaration,
                    evaluation=evaluation,
                    known=known or KnownFailures(),
                )
            )

    return judge
