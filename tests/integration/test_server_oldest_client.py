"""The oldest client release that is promised to work, 2.16.0, with its own protos and helpers, is understood."""

import subprocess
from pathlib import Path

import pytest

from ci import environments
from tests.counting.client import tone, wav
from tests.counting.running import RunningServer

pytestmark = [pytest.mark.full, pytest.mark.network]


def test_the_oldest_client_works(tmp_path: Path) -> None:
    """Offline, streaming and listing with what that release offers: results, times, models."""
    python = environments.ready("oldest-client") / "bin" / "python"
    audio = tmp_path / "tone.wav"
    audio.write_bytes(wav(tone(7.0)))

    with RunningServer() as running:
        done = subprocess.run(
            [str(python), str(Path(__file__).with_name("oldest_client.py")), running.address, str(audio)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    assert "Final transcript: " + "hz450 " * 7 in done.stdout
    assert "hz450 hz450 hz450" in done.stdout
    assert "model count-offline offline en-US" in done.stdout
    assert "model count-online online en-US" in done.stdout
