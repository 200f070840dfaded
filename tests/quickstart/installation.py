"""One installation on the engine: names and ports of its own, and the removal of whatever it leaves."""

import contextlib
import secrets
import socket
import subprocess
from pathlib import Path

from tests.quickstart.scripts import QuickStart


def docker(*words: str, said: bytes | None = None) -> str:
    """What a `docker` command answers; a failure is one of the test."""
    done = subprocess.run(["docker", *words], input=said, capture_output=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr.decode()}"
    return done.stdout.decode().strip()


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


class Installation(QuickStart):
    """The scripts with models in a directory, or in a volume of the engine, under names that nobody else uses."""

    def __init__(self, folder: Path, prefix: str, *, in_volume: bool = False, **settings: str) -> None:
        self.token = f"qs-{secrets.token_hex(4)}"
        self.port = free_port()
        self.server = f"{self.token}-speech"
        self.models = folder / "the models"
        self.location = f"{self.token}-models" if in_volume else str(self.models)
        ours = {
            "riva_image_prefix": f'"{prefix}"',
            "riva_daemon_speech": f'"{self.server}"',
            "riva_daemon_client": f'"{self.token}-client"',
            "riva_daemon_service_maker": f'"{self.token}-service-maker"',
            "riva_model_loc": f'"{self.location}"',
            "riva_speech_api_port": f'"{self.port}"',
            "riva_speech_api_http_port": '""',
            "use_existing_rmirs": "true",
            "riva_health_interval": "1",
        }
        super().__init__(folder, **(ours | settings))

    def containers(self, *, running: bool = False) -> list[str]:
        """Names of this installation's containers, those that have ended too unless only running ones are meant."""
        words = ["ps", "--filter", f"name={self.token}", "--format", "{{.Names}}", *([] if running else ["-a"])]
        return docker(*words).split()

    def remove(self) -> None:
        for name in self.containers():
            docker("rm", "-f", name)
        if docker("volume", "ls", "-q", "--filter", f"name={self.location}"):
            docker("volume", "rm", self.location)
