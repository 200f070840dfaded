"""The Quick Start scripts as a user runs them: a configuration file of one's own, a folder whose name has a space."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"


class QuickStart:
    """The scripts with one configuration; `environment` is added to that of the tests."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = {}, **settings: str) -> None:
        self.config = folder / "my config.sh"
        self.config.write_bytes((SCRIPTS / "config.sh").read_bytes())
        self.environment = {**os.environ, "HOME": str(folder), **environment}
        self.configure(**settings)

    def configure(self, **settings: str) -> None:
        """Edits the values in the configuration file, as with an editor; a name that is not in it is a mistake."""
        text = self.config.read_text()
        for name, value in settings.items():
            text, edits = re.subn(
                rf"^{name}=.*$", f"{name}={value}".replace("\\", r"\\"), text, count=1, flags=re.MULTILINE
            )
            assert edits == 1, name
        self.config.write_text(text)

    def command(self, script: str, *arguments: str) -> list[str]:
        return ["bash", str(SCRIPTS / script), str(self.config), *arguments]

    def __call__(
        self, script: str, *arguments: str, said: str = "", seconds: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Runs a script to its end; `said` is what its questions are answered with. Output and errors come in one."""
        return subprocess.run(
            self.command(script, *arguments),
            input=said,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
            cwd=self.config.parent,
            timeout=seconds,
            check=False,
        )
