"""How the learning rate of the samples rises and falls."""

import math

WARM_UP = 0.06  # of all steps


def share_of_rate(done: float) -> float:
    """Share of the learning rate when ``done`` of all steps are over: linear up, then half a cosine down to nothing."""
    if done < WARM_UP:
        return done / WARM_UP
    return 0.5 + 0.5 * math.cos(math.pi * (done - WARM_UP) / (1.0 - WARM_UP))
