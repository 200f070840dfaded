"""The oldest client release that is promised to work, 2.16.0, with its own protos and helpers, is understood."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.counting.client import tone, wav
from tests.counting.running import RunningServer

pytestmark = [pytest.mark.full, pytest.mark.network]

OLDEST = "nvidia-riva-client==2.16.0"


def test_the_oldest_client_works(tmp_path: Path) -> None:
    """Offline, streaming and listing with what that release offers: results, times, models."""
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), OLDEST]
    subprocess.run(install, check=True)
    audio = tmp_path / "tone.wav"
    audio.write_bytes(wav(tone(7.0)))

    with RunningServer() as running:
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("oldest_client.py")), running.address, str(audio)],
            env={"PYTHONPATH": str(site)},
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
