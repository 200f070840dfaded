"""Where utterances start and end, told from the blanks of the CTC network.

The parameters are those of `--endpointing.*` of riva-build and of `EndpointingConfig` of the API. Windows slide by one
time step:

- speech has started when at least `start_threshold` of the steps of the last `start_history` ms are not blank;
- it has stopped when at least `stop_threshold` of the steps of the last `stop_history` ms are blank (0 ms: never);
- `stop_history_eou` and `stop_threshold_eou` tell a first guess of the same earlier; speech that goes on takes it back.

Text too short to count as a start (one "yes") still ends, when all of `stop_history` is blank.

This module is copied into the model repository: it needs numpy and nothing of this project.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Endpointer", "EndpointingSettings"]


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


class Endpointer:
    """Follows one stream."""

    def __init__(self, settings: EndpointingSettings, *, step_ms: float) -> None:
        self.settings = settings
        self._start, self._stop, self._eou = (
            round(history / step_ms)
            for history in (settings.start_history, settings.stop_history, settings.stop_history_eou)
        )
        self._blanks = np.ones(max(self._start, self._stop, self._eou, 1), bool)
        self._started = False
        self._paused = False

    def next_stop(self, blanks: npt.NDArray[np.bool_], *, has_text: bool) -> int | None:
        """Takes time steps up to the end of the utterance.

        Args:
            blanks: Whether the best label is blank, step by step; text within them counts too.
            has_text: Whether the utterance had text before these steps.

        Returns:
            How many of the steps belong to the utterance that ended, or None if it goes on.
        """
        known = len(self._blanks)
        history = np.concatenate([self._blanks, blanks])
        sums = np.concatenate([[0], np.cumsum(history)])

        def share(steps: int) -> npt.NDArray[np.float64]:
            """Share of blanks in the `steps` up to and including each new one."""
            ends = np.arange(known + 1, len(history) + 1)
            return np.asarray((sums[ends] - sums[ends - steps]) / steps)

        tolerance = 1e-9
        started = np.full(len(blanks), self._started)
        if self._start:
            started |= np.logical_or.accumulate(1 - share(self._start) >= self.settings.start_threshold - tolerance)
        spoken = has_text | np.logical_or.accumulate(~blanks)
        end = None
        if self._stop:
            silent = share(self._stop)
            stops = spoken & np.where(started, silent >= self.settings.stop_threshold - tolerance, silent >= 1)
            if stops.any():
                end = int(stops.argmax()) + 1
        used = len(blanks) if end is None else end
        if self._eou and used:
            silent = share(self._eou)[used - 1]
            self._paused = bool(spoken[used - 1] and silent >= self.settings.stop_threshold_eou - tolerance)
        self._blanks = history[used : used + known]
        self._started = end is None and bool(started[-1]) if len(blanks) else self._started
        return end

    @property
    def paused(self) -> bool:
        """Whether, by the first guess, the utterance is over as things stand now."""
        return self._paused

    def reset(self) -> None:
        """Starts a new utterance."""
        self._started = self._paused = False
