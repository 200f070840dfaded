"""Small SVG charts for the HTML page; colours come from its style sheet, by class."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ci.conformance.outcome import Score

__all__ = ["Bar", "Point", "ResponseChart", "response_chart", "word_error_bars"]

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 34
TICKS = 5


@dataclass(frozen=True)
class Point:
    """An utterance in the chart of response times; coordinates in pixels."""

    x: float
    y: float
    mode: str
    wrong: bool
    label: str


@dataclass(frozen=True)
class Tick:
    """A mark on an axis, in pixels, and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class ResponseChart:
    """How long answers took over how long the audio was."""

    points: tuple[Point, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM
    right: int = WIDTH - RIGHT
    top: int = TOP


@dataclass(frozen=True)
class Bar:
    """The items with so many wrong words; `share` is of all items of the mode."""

    text: str
    mode: str
    count: int
    share: float


def response_chart(scores: Sequence[Score]) -> ResponseChart | None:
    """The chart of all scores, or None without any."""
    if not scores:
        return None
    x_step = _step(max(score.audio_seconds for score in scores))
    y_step = _step(max(score.seconds for score in scores))
    x_end = _round_up(max(score.audio_seconds for score in scores), x_step)
    y_end = _round_up(max(score.seconds for score in scores), y_step)
    across = (WIDTH - LEFT - RIGHT) / x_end
    down = (HEIGHT - TOP - BOTTOM) / y_end

    def place(seconds: float, answer: float) -> tuple[float, float]:
        return round(LEFT + seconds * across, 1), round(HEIGHT - BOTTOM - answer * down, 1)

    def points() -> Iterator[Point]:
        for score in sorted(scores, key=lambda score: score.errors):
            x, y = place(score.audio_seconds, score.seconds)
            label = f"{score.item}, {score.mode}: {score.seconds:.2f} s for {score.audio_seconds:.1f} s of audio"
            label += f", {score.errors} of {score.words} words wrong" if score.errors else ""
            yield Point(x, y, score.mode, score.errors > 0, label)

    x_ticks = tuple(Tick(place(value, 0)[0], f"{value:g}") for value in _values(x_end, x_step))
    y_ticks = tuple(Tick(place(0, value)[1], f"{value:g}") for value in _values(y_end, y_step))
    return ResponseChart(tuple(points()), x_ticks, y_ticks)


def word_error_bars(scores: Sequence[Score]) -> tuple[Bar, ...]:
    """How many items of each mode have no, one, two, three or more wrong words."""
    bars = []
    for mode in sorted({score.mode for score in scores}):
        errors = [score.errors for score in scores if score.mode == mode]
        for wrong in range(4):
            count = sum(each >= 3 if wrong == 3 else each == wrong for each in errors)
            text = ("no error", "1 error", "2 errors", "3 or more")[wrong]
            bars.append(Bar(text, mode, count, count / len(errors)))
    return tuple(bars)


def _step(longest: float) -> float:
    """1, 2 or 5 times a power of ten, so that about `TICKS` steps cover the axis."""
    rough = max(longest, 1e-3) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def _round_up(value: float, step: float) -> float:
    return max(step, math.ceil(value / step) * step)


def _values(end: float, step: float) -> list[float]:
    return [round(index * step, 6) for index in range(round(end / step) + 1)]
