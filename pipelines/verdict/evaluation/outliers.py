"""Values that lie far from the others of a set."""

import math
import statistics
from collections.abc import Sequence

__all__ = ["outliers"]

_LEAST = 8  # values: of fewer nobody can say what is usual
_SCALE = 1.4826  # makes the median deviation of a normal distribution its standard deviation
_FAR = 6.0  # deviations: of a normal distribution one in 500 million
_LEAST_FACTOR = 3.0  # from the median: sets whose values are nearly equal have small deviations


def outliers(values: Sequence[float]) -> list[int]:
    """The places of values that are far from the median, in ratio: ten times too long is as far as ten times too short.

    A value counts if its logarithm lies more than six scaled median deviations from the median's (Iglewicz and Hoaglin
    1993, with a wider limit), and the value itself more than a factor of three.

    Args:
        values: All positive.
    """
    if len(values) < _LEAST:
        return []
    logs = [math.log(value) for value in values]
    middle = statistics.median(logs)
    deviation = statistics.median(abs(log - middle) for log in logs) * _SCALE
    limit = max(_FAR * deviation, math.log(_LEAST_FACTOR))
    return [place for place, log in enumerate(logs) if abs(log - middle) > limit]
