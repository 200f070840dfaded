"""One machine's part of a run: `nox -s lane -- export|pull|judge|sweep`. ci/targets.yaml says with which runtime.

python -m ci.lane export NAME [--image IMAGE]   # verdict and export
python -m ci.lane pull NAME --target TARGET     # what needs the registry's key, and nothing else
python -m ci.lane judge NAME --target TARGET    # the rest of the stages, from an export that was handed over
python -m ci.lane sweep --target TARGET         # remove what a cancelled job left running
"""

import argparse
import sys

from ci import github
from ci.arguments import ArgumentParser
from ci.pipeline.__main__ import main as pipeline
from ci.pipeline.checkpoint import Checkpoint, find_checkpoints
from ci.pipeline.engines import check_engines
from ci.pipeline.stages import BUILD
from ci.runtime import Command
from ci.targets import Target, Targets
from pipelines.cli import run
from pipelines.errors import UsageError

__all__ = ["main"]

_CONTAINED = ("riva-build", "riva-deploy", "start-riva")


def main(argv: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    return run(_main, argv)


@github.annotated("lane")
def _main(argv: list[str]) -> int:
    parser = ArgumentParser(prog="nox -s lane --", description="One machine's part of a run.")
    commands = parser.add_subparsers(dest="command", required=True)
    exporting = commands.add_parser("export", help="verdict and export")
    exporting.add_argument("name", metavar="NAME", help="the checkpoint")
    exporting.add_argument("--image", default="", help="the image that exports for NVIDIA's images (default: none)")
    exporting.set_defaults(part=_export)
    pulling = commands.add_parser("pull", help="pull the images that a checkpoint needs on a target")
    pulling.add_argument("name", metavar="NAME", help="the checkpoint")
    pulling.set_defaults(part=_pull)
    judging = commands.add_parser("judge", help="build, deploy, serve and judge")
    judging.add_argument("name", metavar="NAME", help="the checkpoint")
    judging.set_defaults(part=_judge)
    sweeping = commands.add_parser("sweep", help="remove what a cancelled job left running")
    sweeping.set_defaults(part=_sweep)
    for each in (pulling, judging, sweeping):
        each.add_argument("--target", required=True, help="a target of ci/targets.yaml")
    parser.add_argument("--verbose", action="store_true", help="print tracebacks")
    options = parser.parse_args(argv)
    return int(options.part(options))


def _export(options: argparse.Namespace) -> int:
    contained = ["--runtime", "container", "--export-image", options.image] if options.image else []
    return pipeline([options.name, "--until", "export", *contained])


def _pull(options: argparse.Namespace) -> int:
    target = _target(Targets.read(), options.target)
    if target.runtime == "local":
        print(f"{target.name} runs in no image")
        return 0
    from ci.runtime.container import Containers
    from ci.runtime.engine import connect

    (folder,) = find_checkpoints([options.name])
    runtime = Containers(connect(), Checkpoint.read(folder).riva, prefix=target.image_prefix or None)
    for tool in _CONTAINED:
        runtime.prepare(Command(tool, (), BUILD / "pull.log", folder=BUILD))
    return 0


def _judge(options: argparse.Namespace) -> int:
    target = _target(Targets.read(), options.target)
    code = pipeline([options.name, "--from", "build", "--target", target.name, *_runtime_options(target)])
    if code != 0:
        return code
    networks = check_engines(BUILD / options.name / "models", target=target.name)
    lines = [f"- {network}" for network in networks]
    print("\n".join((f"{options.name} on {target.name}:", *lines)))
    github.summarise("\n".join((f"### What runs the networks of {options.name} on {target.name}", "", *lines)))
    return 0


def _sweep(options: argparse.Namespace) -> int:
    if _target(Targets.read(), options.target).runtime == "local":  # processes die with the job
        return 0
    from ci.runtime.sweep import main as sweep

    return sweep([])


def _target(targets: Targets, name: str) -> Target:
    if name not in targets.by_name:
        raise UsageError(f"there is no target {name}", fix=f"those of ci/targets.yaml: {', '.join(targets.by_name)}")
    return targets.by_name[name]


def _runtime_options(target: Target) -> list[str]:
    prefix = ["--image-prefix", target.image_prefix] if target.image_prefix else []
    return ["--runtime", target.runtime, *prefix]


if __name__ == "__main__":
    sys.exit(main())
