"""A network that knows a handful of words; see `tests/marks/archive.py`."""

import riva.client

from tests.marks.archive import write_riva

__all__ = ["ANSWER", "OPTIONS", "ask", "write_riva"]

OPTIONS = ("--name=tiny-punctuation", "--language_code=en-US")
ANSWER = "Hello pause, Paris ask?"


def ask(address: str) -> str:
    """Sends a text that has one word of each kind."""
    service = riva.client.NLPService(riva.client.Auth(uri=address))
    return service.punctuate_text("hello pause paris ask", language_code="en-US").text[0]
