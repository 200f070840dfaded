"""`ci.conformance.reports.charts`: where things stand in the charts."""

import pytest

from ci.conformance.outcome import Score
from ci.conformance.reports.charts import HEIGHT, WIDTH, response_chart, word_error_bars


def score(audio: float, seconds: float, errors: int = 0, mode: str = "offline") -> Score:
    return Score("u", mode, "a b", "a b", errors, 2, seconds, audio)


@pytest.mark.parametrize("longest", [0.004, 0.9, 1.0, 7.3, 61.0, 3600.0])
def test_points_and_ticks_lie_inside(longest: float) -> None:
    """Whatever the scale: from milliseconds to an hour."""
    chart = response_chart([score(longest, longest / 3), score(longest / 2, longest / 90)])

    assert chart is not None
    assert all(chart.left <= point.x <= chart.right and chart.top <= point.y <= chart.bottom for point in chart.points)
    assert all(0 <= tick.at <= WIDTH for tick in chart.x_ticks)
    assert all(0 <= tick.at <= HEIGHT for tick in chart.y_ticks)
    assert 3 <= len(chart.x_ticks) <= 8
    assert float(chart.x_ticks[-1].text) >= longest


def test_longer_audio_stands_right_and_slower_answers_stand_above() -> None:
    """SVG counts from the top."""
    chart = response_chart([score(1, 0.1), score(2, 0.2, errors=1)])

    assert chart is not None
    right, wrong = chart.points
    assert right.x < wrong.x
    assert right.y > wrong.y
    assert (right.wrong, wrong.wrong) == (False, True)
    assert "1 of 2 words wrong" in wrong.label


def test_without_scores_there_is_no_chart() -> None:
    """A run of a few cases has nothing to draw."""
    assert response_chart([]) is None
    assert word_error_bars([]) == ()


def test_bars_count_utterances_by_wrong_words() -> None:
    """Three and more stand together; the modes stand apart."""
    scores = [score(1, 1, errors) for errors in (0, 0, 1, 3, 9)] + [score(1, 1, mode="streaming")]

    bars = word_error_bars(scores)

    assert [(bar.count, bar.share) for bar in bars if bar.mode == "offline"] == [(2, 0.4), (1, 0.2), (0, 0.0), (2, 0.4)]
    assert [bar.count for bar in bars if bar.mode == "streaming"] == [1, 0, 0, 0]
