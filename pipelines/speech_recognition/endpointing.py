"""Where utterances start and end, told from the blanks of the CTC network.

The parameters are those of `--endpointing.*` of riva-build and of `EndpointingConfig` of the API. Windows slide by one
time step:

- speech has started when at least `start_threshold` of the steps of the last `start_history` ms are not blank;
- it has stopped when at least `stop_threshold` of the steps of the last `stop_history` ms are blank (0 ms: never);
- `stop_history_eou` and `stop_threshold_eou` tell a first guess of the same earlier; speech that goes on takes it back.

Text too short to count as a start (one "yes") still ends, when all of `stop_history` is blank.

This module is copied into the model repository: it needs nothing of this project.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

__all__ = ["Endpointer", "EndpointingSettings"]

_TOLERANCE = 1e-9  # 0.98 of 50 steps is 49, also in floating point


@dataclass(frozen=True, kw_only=True)
class EndpointingSettings:
    """Histories in milliseconds and thresholds as shares between 0 and 1; a history of 0 switches its rule off."""

    start_history: int = 300
    start_threshold: float = 0.2
    stop_history: int = 800
    stop_threshold: float = 0.98
    stop_history_eou: int = 0
    stop_threshold_eou: float = 0.98

    def overridden(self, values: Mapping[str, Any]) -> "EndpointingSettings":
        """Returns the settings with those of one request.

        Raises:
            ValueError: A name is unknown or a value is out of range.
        """
        known = {setting.name: type(getattr(self, setting.name)) for setting in fields(self)}
        if unknown := set(values) - set(known):
            raise ValueError(
                f"unknown endpointing parameter {sorted(unknown)[0]!r}: expected one of {', '.join(known)}"
            )
        changed = {name: known[name](value) for name, value in values.items() if value is not None}
        for name, value in changed.items():
            if value < 0 or ("threshold" in name and value > 1):
                raise ValueError(
                    f"endpointing.{name} = {value}: expected {'0 to 1' if 'threshold' in name else 'at least 0'}"
                )
        return replace(self, **changed)


class _Window:
    """The last time steps of a stream, and how many of them are blank."""

    def __init__(self, milliseconds: int, step_ms: float) -> None:
        steps = round(milliseconds / step_ms)
        self._steps = deque([True] * steps)
        self._blank = steps

    def __len__(self) -> int:
        return len(self._steps)

    def push(self, blank: bool) -> None:
        """Takes the next time step in, the oldest one out."""
        self._steps.append(blank)
        self._blank += blank - self._steps.popleft()

    def silent(self, threshold: float) -> bool:
        """Whether at least `threshold` of the steps are blank."""
        return self._blank >= threshold * len(self._steps) - _TOLERANCE

    def spoken(self, threshold: float) -> bool:
        """Whether at least `threshold` of the steps are not blank."""
        return len(self._steps) - self._blank >= threshold * len(self._steps) - _TOLERANCE


class Endpointer:
    """Follows one stream."""

    def __init__(self, settings: EndpointingSettings, *, step_ms: float) -> None:
        """Args:
        settings: The parameters.
        step_ms: Duration of a time step in milliseconds.
        """
        self.settings = settings
        self._start = _Window(settings.start_history, step_ms)
        self._stop = _Window(settings.stop_history, step_ms)
        self._eou = _Window(settings.stop_history_eou, step_ms)
        self._windows = [window for window in (self._start, self._stop, self._eou) if window]
        self.reset()

    def reset(self) -> None:
        """Starts a new utterance."""
        self._length = 0  # time steps from the first label on: what was before is not silence after speech
        self._started = self._paused = False

    @property
    def paused(self) -> bool:
        """Whether, by the first guess, the utterance is over as things stand now."""
        return self._paused

    def next_stop(self, blanks: Iterable[bool]) -> int | None:
        """Takes time steps up to the end of the utterance.

        Args:
            blanks: Whether the best label is blank, step by step.

        Returns:
            How many of the steps belong to the utterance that ended, or None if it goes on.
        """
        settings, start, stop = self.settings, self._start, self._stop
        number, found = 0, None
        for number, blank in enumerate(blanks, 1):
            for window in self._windows:
                window.push(blank)
            if blank and not self._length:
                continue
            self._length += 1
            if not self._started and start:
                self._started = start.spoken(settings.start_threshold)
            if self._over(stop, settings.stop_threshold if self._started else 1.0):
                found = number
                break
        if number and self._length:
            self._paused = self._over(self._eou, settings.stop_threshold_eou)
        return found

    def _over(self, window: _Window, threshold: float) -> bool:
        """Whether a window that lies wholly within the utterance is silent enough."""
        return 0 < len(window) <= self._length and window.silent(threshold)
