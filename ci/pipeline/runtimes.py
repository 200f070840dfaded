"""The options of the command lines that say where stages run."""

import argparse
from collections.abc import Callable

from ci.runtime import Runtime, local
from pipelines.compatibility import RivaVersion
from pipelines.errors import UsageError

__all__ = ["Runtimes", "add_runtime_options", "runtimes_chosen"]

Runtimes = Callable[[RivaVersion], Runtime]
"""Which runtime runs the tools of a Riva version: that of a container depends on it, this machine's does not."""


def add_runtime_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--runtime` and what belongs to it."""
    parser.add_argument(
        "--runtime",
        choices=("local", "container"),
        default="local",
        help="run build, deploy and the server on this machine or in Riva's images (default: %(default)s)",
    )
    parser.add_argument(
        "--image-prefix",
        metavar="PREFIX",
        help="take the images that `nox -s images` made under this name, such as riva-ci; default: NVIDIA's",
    )
    parser.add_argument(
        "--export-image",
        metavar="IMAGE",
        help="the NeMo image with NVIDIA's nemo2riva that exports for NVIDIA's images",
    )


def runtimes_chosen(options: argparse.Namespace) -> Runtimes:
    """The runtimes that the options ask for.

    Raises:
        UsageError: Options of the container runtime stand without it, or contradict each other.
        EngineUnavailable, EngineForbidden: Containers are asked for, and no Docker engine can be used.
    """
    if options.runtime == "local":
        if given := [name for name in ("image_prefix", "export_image") if getattr(options, name)]:
            raise UsageError(f"--{given[0].replace('_', '-')} is for containers", fix="add --runtime container")
        return lambda riva: local
    if options.image_prefix and options.export_image:
        raise UsageError(
            "--export-image is for NVIDIA's images, --image-prefix for ours",
            fix="leave one out: our riva-build takes what nemo2riva of this repository exports",
        )
    from ci.runtime.container import Containers
    from ci.runtime.engine import connect

    engine = connect()
    return lambda riva: Containers(engine, riva, prefix=options.image_prefix, export_image=options.export_image)
