"""One line of JSON a call, and the log of the process in Riva's form."""

import json
import logging
import sys
import time
from typing import Any

__all__ = ["log_call", "set_up"]

_calls = logging.getLogger("pipelines.server.calls")


def log_call(**fields: Any) -> None:
    """Writes what one call was; fields that are empty are left out."""
    known = {key: value for key, value in fields.items() if value not in (None, "")}
    _calls.info(json.dumps(known, ensure_ascii=False))


class _GlogFormatter(logging.Formatter):
    """`I1122 15:41:57.123456   210 handler.py:64] message`: what people who read Riva's and Triton's logs are used
    to.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%m%d %H:%M:%S", time.localtime(record.created))
        micros = int(record.created % 1 * 1e6)
        origin = f"{record.filename}:{record.lineno}"
        line = f"{record.levelname[0]}{moment}.{micros:06d} {record.process:5d} {origin}] {record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def set_up(*, verbose: bool = False) -> None:
    """Sends the log to stderr, and the line of each call bare to stdout, where it can be collected by itself."""
    log = logging.StreamHandler(sys.stderr)
    log.setFormatter(_GlogFormatter())
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[log], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    lines = logging.StreamHandler(sys.stdout)
    lines.setFormatter(logging.Formatter("%(message)s"))
    _calls.handlers, _calls.propagate = [lines], False
