"""`deploy_all_models RMIR_DIR MODEL_DIR`: every RMIR of a folder becomes one model repository, as riva_init.sh asks.

Each is opened with the key in MODEL_DEPLOY_KEY; those that are not encrypted need none and take no harm from it.
"""

import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from pipelines.archive.encrypted_path import EncryptedPath, key_of_environment, key_warnings, read_key
from pipelines.archive.encryption import Key
from pipelines.cli import run
from pipelines.cli.command_line import CommandLine, Positional
from pipelines.cli.flags import flag
from pipelines.errors import MissingInput
from pipelines.stages.deploy import DeployRequest, deploy

__all__ = ["COMMAND_LINE", "KEY_VARIABLE", "main"]

KEY_VARIABLE = "MODEL_DEPLOY_KEY"


@dataclass(frozen=True, kw_only=True)
class DeployAllFlags:
    """Flags of deploy_all_models."""

    verbose: bool = flag(False, "print the traceback of an error")


COMMAND_LINE = CommandLine(
    "deploy_all_models",
    f"Makes a model repository from every .rmir of a folder; {KEY_VARIABLE} holds their key, or names a file with it. "
    "A repository that is there is replaced when the new one is whole.",
    DeployAllFlags,
    [
        Positional("RMIR_DIR", "the folder of the RMIRs, such as /data/rmir"),
        Positional("MODEL_DIR", "the model repository to write, such as /data/models"),
    ],
)


def main(argv: list[str] | None = None) -> int:
    """Runs deploy_all_models; returns the exit code."""
    return run(_deploy_all, argv)


def _deploy_all(argv: list[str]) -> int:
    words = COMMAND_LINE.parse(argv).words
    folder, repository = Path(words["RMIR_DIR"][0]), Path(words["MODEL_DIR"][0])
    rmirs = sorted(folder.glob("*.rmir"))
    if not rmirs:
        raise MissingInput(
            f"{folder} holds no .rmir" if folder.is_dir() else f"there is no folder {folder}",
            "nothing was downloaded or built yet, or another folder is mounted",
            f"put RMIRs there (riva-build, download_ngc_models): {folder}/NAME.rmir",
        )
    key = _key()
    for warning in key_warnings(key):
        print(f"warning: {warning}", file=sys.stderr)
    # The lines and their form are those of NVIDIA's tool, which scripts look for.
    logging.basicConfig(format="%(asctime)s [%(levelname)s] %(message)s", level=logging.INFO, stream=sys.stderr)
    before = {path.name for path in repository.iterdir() if path.is_dir()} if repository.is_dir() else set()
    names = deploy(
        DeployRequest(
            rmirs=tuple(EncryptedPath(path, key) for path in rmirs),
            repository=repository,
            force=True,
        )
    )
    if gone := before - set(names):
        print(f"note: no RMIR of {folder} makes {', '.join(sorted(gone))}; removed from {repository}", file=sys.stderr)
    print(f"Model repository saved to {repository}: {', '.join(names)}")
    return 0


def _key() -> Key | None:
    text = os.environ.get(KEY_VARIABLE)
    if not text:
        return key_of_environment()
    key = read_key(text)
    key.typed = False  # in a variable it shows in no process list
    return key


if __name__ == "__main__":
    sys.exit(main())
