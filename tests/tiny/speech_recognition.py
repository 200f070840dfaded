"""A network that hears two pitches; see `tests/tones/archive.py`."""

import io

import riva.client
import soundfile

from tests.tones.archive import RATE, tones, write_riva

__all__ = ["ANSWER", "OPTIONS", "ask", "write_riva"]

OPTIONS = ("--name=tiny-speech", "--language_code=en-US", "--offline", "--chunk_size=30")
ANSWER = "high low"


def ask(address: str) -> str:
    """Plays a high tone and a low one."""
    wav = io.BytesIO()
    soundfile.write(wav, tones((0.3, 0), (0.4, 3000), (0.3, 0), (0.4, 300), (0.3, 0)), RATE, format="WAV")
    service = riva.client.ASRService(riva.client.Auth(uri=address))
    response = service.offline_recognize(wav.getvalue(), riva.client.RecognitionConfig(language_code="en-US"))
    return " ".join(result.alternatives[0].transcript.strip() for result in response.results)
