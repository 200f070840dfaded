"""Keeps what the server knows about the models, and its health, true while Triton lives."""

import asyncio
import logging
from collections.abc import Mapping

from pipelines.server.health import Health
from pipelines.server.metrics import Metrics
from pipelines.server.models import Models
from pipelines.server.triton import Triton

__all__ = ["Monitor"]

# A model that went away is known within this time; asking costs a fraction of a millisecond.
POLL_SECONDS = 2.0
# While Triton loads, the time until readiness is noticed delays the first answer.
STARTING_POLL_SECONDS = 0.05
REMIND_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Monitor:
    """Asks Triton for its models again and again.

    Args:
        services: Full gRPC service name -> what its models call it in their parameters, such as `asr`.
    """

    def __init__(
        self, *, triton: Triton, models: Models, health: Health, metrics: Metrics, services: Mapping[str, str]
    ) -> None:
        self._triton, self._models, self._health, self._metrics = triton, models, health, metrics
        self._services = services

    async def refresh(self) -> bool:
        """Asks once; returns whether Triton answered."""
        state = await self._triton.repository()
        if state is None:
            self._models.lost()
        else:
            self._models.update(ready=state.ready, unready=state.unready)
        for full_name, service in self._services.items():
            serving = self._models.serving(service)
            self._health.set_serving(full_name, serving=serving)
            self._metrics.models_ready.labels(service).set(len(self._models.of_service(service)) if serving else 0)
        return state is not None

    async def wait_until_loaded(self) -> None:
        """Returns once Triton answers and is done with loading, which does not mean that there is anything to serve."""
        quiet = 0.0
        while not (await self.refresh() and self._models.settled):
            if quiet <= 0:
                _log.info("error: unable to get server status: no ready Triton at %s, trying again", self._triton.uri)
                quiet = REMIND_SECONDS
            await asyncio.sleep(STARTING_POLL_SECONDS)
            quiet -= STARTING_POLL_SECONDS
        for full_name, service in self._services.items():
            if not self._models.of_service(service):
                _log.warning("Triton at %s has no %s pipeline: %s is NOT_SERVING", self._triton.uri, service, full_name)

    async def run(self) -> None:
        """Refreshes until cancelled."""
        there = True
        while True:
            await asyncio.sleep(POLL_SECONDS)
            answered = await self.refresh()
            if answered != there:
                _log.warning("Triton at %s %s", self._triton.uri, "answers again" if answered else "does not answer")
            there = answered
