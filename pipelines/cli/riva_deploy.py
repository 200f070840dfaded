"""`riva-deploy [-f] A.rmir[:key] [B.rmir[:key] ...] TARGET`: the command line of the deploy stage."""

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.archive.encrypted_path import EncryptedPath, key_warnings, without_key
from pipelines.cli import run
from pipelines.cli.command_line import CommandLine, Positional
from pipelines.cli.flags import flag
from pipelines.errors import UsageError
from pipelines.stages.deploy import DeployRequest, deploy

__all__ = ["COMMAND_LINE", "main"]


@dataclass(frozen=True, kw_only=True)
class DeployFlags:
    """Flags of riva-deploy."""

    force: bool = flag(False, "replace TARGET if it exists", short="-f")
    target: Literal["cpu"] = flag("cpu", "what the engines are built for (TensorRT on a GPU is the next target)")
    verbose: bool = flag(False, "print the traceback of an error")


_ARCHIVES = (".rmir", ".riva")  # no target is called so; a key that followed would become a folder's name
_WORDS = Positional(
    "RMIR[:key]", "RMIRs made by riva-build, then TARGET, the folder of the model repository to write", many=True
)
COMMAND_LINE = CommandLine(
    "riva-deploy",
    "Makes a Triton model repository from RMIRs. A tritonserver with Python backend, numpy and onnxruntime serves it.",
    DeployFlags,
    [_WORDS],
)


def main(argv: list[str] | None = None) -> int:
    """Runs riva-deploy; returns the exit code."""
    return run(_deploy, argv)


def _deploy(argv: list[str]) -> int:
    parsed = COMMAND_LINE.parse(argv)
    *rmirs, target = parsed.words[_WORDS.metavar]
    if not rmirs or Path(without_key(target)).suffix.startswith(_ARCHIVES):
        raise UsageError(
            f"expected at least one RMIR and then the target folder, got {without_key(target)} as the last word",
            fix="riva-deploy [-f] NAME.rmir[:key] [MORE.rmir[:key] ...] TARGET",
        )
    paths = tuple(map(EncryptedPath.parse, rmirs))
    for warning in key_warnings(*(path.key for path in paths)):
        print(f"warning: {warning}", file=sys.stderr)
    # The lines and their form are those of NVIDIA's tool, which scripts look for.
    logging.basicConfig(format="%(asctime)s [%(levelname)s] %(message)s", level=logging.INFO, stream=sys.stderr)
    names = deploy(
        DeployRequest(
            rmirs=paths,
            repository=Path(target),
            target=parsed.options.target,
            force=parsed.options.force,
        )
    )
    print(f"Model repository saved to {target}: {', '.join(names)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
