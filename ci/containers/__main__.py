"""`nox -s images`: makes the ServiceMaker image and the speech image through a Docker engine.

nox -s images                                                  # on a base made with debootstrap
nox -s images -- --image-prefix registry.example/asr --riva-version 2.19.0 --base python:3.11-slim-bookworm
"""

import sys

from ci.arguments import ArgumentParser
from pipelines.compatibility import DEFAULT_VERSION, riva_version

__all__ = ["main"]

PREFIX = "riva-ci"


def main(argv: list[str]) -> int:
    """Makes the images and prints a table of them; returns the exit code."""
    parser = ArgumentParser(prog="nox -s images --", description="Makes the ServiceMaker image and the speech image.")
    parser.add_argument(
        "--image-prefix", default=PREFIX, metavar="PREFIX", help="stands for NVIDIA's registry (default: %(default)s)"
    )
    parser.add_argument(
        "--riva-version", default=DEFAULT_VERSION, metavar="VERSION", help="in the names (default: %(default)s)"
    )
    parser.add_argument(
        "--base",
        metavar="IMAGE",
        help="a Debian or Ubuntu with Python 3.11 or 3.12; without it one is made with debootstrap",
    )
    parser.add_argument("--verbose", action="store_true", help="print the traceback of an error")
    options = parser.parse_args(argv)
    version = riva_version(options.riva_version).version
    from ci.containers.build import build
    from ci.containers.table import show
    from ci.runtime.engine import connect

    show([*build(connect(), prefix=options.image_prefix, version=version, base=options.base)])
    return 0


if __name__ == "__main__":
    from pipelines.cli import run

    sys.exit(run(main))
