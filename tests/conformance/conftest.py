"""The evaluation set of tones and a way to judge a server with some of the cases."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ci.conformance.case import Suite, load_suites, select
from ci.conformance.evaluation import Utterance, read_evaluation
from ci.conformance.known import KnownFailures
from ci.conformance.run import Run, run_suites
from ci.conformance.server import Connection
from ci.conformance.subject import Declaration
from tests.conformance.scripted_server import PROFANE, ScriptedServer, serving
from tests.conformance.tones import write_evaluation

CASES = Path(__file__).parents[2] / "pipelines" / "speech_recognition" / "cases"
DECLARATION = Declaration(
    pairs=frozenset({("en-US", "offline"), ("en-US", "streaming")}),
    limits={"offline": 0.0, "streaming": 0.0, "streaming_minus_offline": 0.0},
    profane_words=tuple(PROFANE),
)

Judge = Callable[..., Run]


@pytest.fixture(scope="session")
def suites() -> tuple[Suite, ...]:
    """All cases of speech recognition."""
    return load_suites([CASES])


@pytest.fixture(scope="session")
def evaluation_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_evaluation(tmp_path_factory.mktemp("evaluation"))


@pytest.fixture(scope="session")
def evaluation(evaluation_folder: Path) -> tuple[Utterance, ...]:
    return read_evaluation(evaluation_folder)


@pytest.fixture
def judge(suites: tuple[Suite, ...], evaluation: tuple[Utterance, ...]) -> Judge:
    """Judges a server with the cases of some patterns (all if there are none)."""

    def judge(
        server: ScriptedServer,
        patterns: Sequence[str] = (),
        *,
        known: KnownFailures | None = None,
        declaration: Declaration = DECLARATION,
        evaluation: tuple[Utterance, ...] = evaluation,
    ) -> Run:
        chosen = select(suites, run=[f"speech_recognition/{pattern}" for pattern in patterns], skip=())
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
