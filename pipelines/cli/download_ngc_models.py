"""`download_ngc_models NAME...`: RMIRs from NGC into /data/rmir, by NVIDIA's own `ngc` command.

The key is in NGC_CLI_API_KEY, where `ngc` itself looks for it; it is on no command line. What `ngc` brings is moved to
its place when it is whole: `.rmir` files to rmir/, prebuilt repositories for Jetson (`.tar.gz`) to prebuilt/.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.cli import run
from pipelines.cli.command_line import CommandLine, Positional
from pipelines.cli.flags import flag
from pipelines.errors import DownloadFailed, NgcMissing, UsageError
from pipelines.tied_process import tied_to_this_process

__all__ = ["COMMAND_LINE", "main"]

_KEYS = ("NGC_CLI_API_KEY", "NGC_API_KEY")
_ORGANISATION = ("NGC_CLI_ORG", "nvidia")
_PLACES = {".rmir": "rmir", ".tar.gz": "prebuilt"}


@dataclass(frozen=True, kw_only=True)
class DownloadFlags:
    """Flags of download_ngc_models."""

    data: Path = flag(Path("/data"), "the folder that gets rmir/ and prebuilt/", metavar="DIR")
    verbose: bool = flag(False, "print the traceback of an error")


_NAMES = Positional("ORG/TEAM/MODEL:VERSION", "a model of NGC, such as nvidia/riva/rmir_...:2.19.0", many=True)
COMMAND_LINE = CommandLine(
    "download_ngc_models",
    "Downloads models from NGC with NVIDIA's ngc command, which must be on the path. NGC_CLI_API_KEY holds the key.",
    DownloadFlags,
    [_NAMES],
)


def main(argv: list[str] | None = None) -> int:
    """Runs download_ngc_models; returns the exit code."""
    return run(_download_all, argv)


def _download_all(argv: list[str]) -> int:
    parsed = COMMAND_LINE.parse(argv)
    names = parsed.words[_NAMES.metavar]
    for name in names:
        if name.count("/") > 2 or name.count(":") != 1:
            raise UsageError(f"{name!r} names no model of NGC", fix="write ORG/TEAM/MODEL:VERSION")
    ngc, variables = _ngc()
    data = parsed.options.data
    for number, name in enumerate(names, 1):
        print(f"  > Downloading {name} ({number} of {len(names)})", flush=True)
        for path in _download(ngc, name, data=data, variables=variables):
            print(f"    {path}", flush=True)
    return 0


def _ngc() -> tuple[str, dict[str, str]]:
    """The command and the variables to run it with.

    Raises:
        NgcMissing: The command or the key is not here.
    """
    ngc = shutil.which("ngc")
    if ngc is None:
        raise NgcMissing(
            "the command ngc is not on the path",
            "it is NVIDIA's, and may not be part of an image of others",
            "get it from https://org.ngc.nvidia.com/setup/installers/cli and mount it, for example "
            "-v $HOME/ngc-cli:/usr/local/ngc -e PATH=/usr/local/ngc:$PATH; or put .rmir files into /data/rmir yourself",
        )
    key = next((os.environ[name] for name in _KEYS if os.environ.get(name)), "")
    if not key:
        raise NgcMissing(
            f"{_KEYS[0]} is not set",
            "models of NGC are given to those who have a key",
            f"make one at https://org.ngc.nvidia.com/setup/api-key and pass it with `docker run -e {_KEYS[0]}`",
        )
    organisation, default = _ORGANISATION
    return ngc, {organisation: default, **os.environ, _KEYS[0]: key}


def _download(ngc: str, name: str, *, data: Path, variables: dict[str, str]) -> Iterator[Path]:
    """Downloads one model; yields where its files are now.

    Raises:
        DownloadFailed: ngc ended with an error, or brought nothing that is deployed.
    """
    data.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".ngc-", dir=data) as temporary:  # on the same disk as what it becomes
        command = [ngc, "registry", "model", "download-version", name, "--dest", temporary]
        with subprocess.Popen(tied_to_this_process(command), env=variables) as process:
            code = process.wait()
        if code != 0:
            raise DownloadFailed(
                f"ngc could not download {name}: it ended with {code}",
                "it says why above; most often the key is not valid for this organisation, or there is no such version",
                "check the name at https://catalog.ngc.nvidia.com, then run this again",
            )
        found = [(path, place) for end, place in _PLACES.items() for path in sorted(Path(temporary).rglob(f"*{end}"))]
        if not found:
            raise DownloadFailed(
                f"{name} holds neither a .rmir nor a .tar.gz",
                "it is another kind of model, such as a .riva for riva-build",
                "name an RMIR: these begin with rmir_",
            )
        for path, place in found:
            target = data / place / path.name
            target.parent.mkdir(exist_ok=True)
            path.replace(target)
            yield target


if __name__ == "__main__":
    sys.exit(main())
