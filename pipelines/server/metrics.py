"""Figures for Prometheus, as text on the metrics port."""

from wsgiref.simple_server import WSGIServer

import prometheus_client as prometheus

__all__ = ["Metrics"]

# Of one audio message, from its arrival to its answer; 0.2 s is the promise for a stream, hence fine steps below it.
_CHUNK_BUCKETS = (0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
_CALL_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)


class Metrics:
    """The figures of one server process."""

    def __init__(self) -> None:
        self._registry = prometheus.CollectorRegistry()
        prometheus.ProcessCollector(registry=self._registry)
        self.calls = prometheus.Counter(
            "riva_calls", "Calls that ended, by status", ["method", "model", "code"], registry=self._registry
        )
        self.call_seconds = prometheus.Histogram(
            "riva_call_seconds",
            "Time from a call's begin to its end",
            ["method"],
            buckets=_CALL_BUCKETS,
            registry=self._registry,
        )
        self.chunk_seconds = prometheus.Histogram(
            "riva_chunk_seconds",
            "Time from the arrival of an audio message to its answer",
            ["model"],
            buckets=_CHUNK_BUCKETS,
            registry=self._registry,
        )
        self.audio_seconds = prometheus.Counter(
            "riva_audio_seconds", "Audio recognised", ["method", "model"], registry=self._registry
        )
        self.texts = prometheus.Counter("riva_texts", "Texts processed", ["method", "model"], registry=self._registry)
        self.text_bytes = prometheus.Counter(
            "riva_text_bytes", "Size of the texts processed, in UTF-8", ["method", "model"], registry=self._registry
        )
        self.active = prometheus.Gauge("riva_active_calls", "Calls running now", ["method"], registry=self._registry)
        self.models_ready = prometheus.Gauge(
            "riva_models_ready", "Pipelines that can be called, by service", ["service"], registry=self._registry
        )

    def listen(self, port: int) -> WSGIServer:
        """Serves the figures on all interfaces.

        Args:
            port: 0 picks a free one, which is `server_port` of what is returned.

        Raises:
            OSError: The port cannot be had.
        """
        server, _ = prometheus.start_http_server(port, registry=self._registry)
        return server
