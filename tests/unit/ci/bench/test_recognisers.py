"""Running recognisers side by side."""

import time

import numpy as np
import pytest

from ci.bench.recognisers import run_together
from ci.bench.subject import Utterance

UTTERANCES = [Utterance(np.full(count, count, np.int16)) for count in range(1, 9)]


def test_every_utterance_is_recognised_once() -> None:
    """Recognisers take from one list, and all of them take part."""
    taken: list[list[int]] = [[], []]

    def recogniser(own: list[int]) -> object:
        def recognise(utterance: Utterance) -> None:
            own.append(len(utterance.pcm))
            time.sleep(0.01)

        return recognise

    seconds = run_together([recogniser(own) for own in taken], UTTERANCES)  # type: ignore[misc]
    assert sorted(taken[0] + taken[1]) == list(range(1, 9))
    assert all(taken)
    assert seconds > 0.03


def test_a_recogniser_that_fails_is_not_a_fast_one() -> None:
    """What a recogniser raises ends the measurement."""

    def recognise(utterance: Utterance) -> None:
        raise RuntimeError("connection lost")

    with pytest.raises(RuntimeError, match="connection lost"):
        run_together([recognise], UTTERANCES)
