"""`nox -s release -- plan|assemble|publish|verify|install|rollback`: from proven files to a release, and back."""

import argparse
import sys
from pathlib import Path

from ci import github
from ci.arguments import ArgumentParser
from ci.release.splitting import ASSET_LIMIT
from pipelines.cli import run
from pipelines.sizes import read_size

__all__ = ["main"]

_SOURCE = "owner/name, the address of a repository or of one of its releases, or a folder of assets"


def main(argv: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    return run(_main, argv)


def _main(argv: list[str]) -> int:
    options = _parser().parse_args(argv)
    from ci.release import commands  # heavier than help may be

    with github.annotated(f"release {options.command}"):
        getattr(commands, options.command)(options)
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="nox -s release --", description="Makes, verifies, installs and takes back releases.")
    shared = ArgumentParser(add_help=False)
    shared.add_argument("--verbose", action="store_true", help="print tracebacks")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    plan = commands.add_parser("plan", parents=[shared], help="what a tag releases, on which targets")
    _tag(plan)
    _repository(plan, "asked for what is published already (default: that of the run)")
    plan.add_argument("--secret", action="append", default=[], metavar="NAME", help="a secret that is set")

    assemble = commands.add_parser(
        "assemble", parents=[shared], help="make the assets from what the targets handed over"
    )
    _tag(assemble)
    _path(assemble, "--from", "folder of MODEL/TARGET/{*.rmir, report/}; build/ has that for one target", dest="source")
    _path(assemble, "--into", "folder for the assets, replaced whole")
    assemble.add_argument(
        "--expect",
        type=str.split,
        default=[],
        metavar="'MODEL/TARGET ...'",
        help="what must be there (default: the plan)",
    )
    assemble.add_argument(
        "--asset-limit", type=read_size, default=ASSET_LIMIT, help="assets are split below this size (default: 2 GiB)"
    )

    publish = commands.add_parser(
        "publish", parents=[shared], help="draft, upload, read back, publish; again continues"
    )
    _tag(publish)
    _path(publish, "--from", "folder of assets", dest="source")
    _repository(publish, "published to (default: that of the run)")
    publish.add_argument("--bundle", type=Path, metavar="FILE", help="the attestation that the attest action wrote")
    publish.add_argument(
        "--dry-run",
        action=argparse.BooleanOptionalAction,
        help="only say what would be done (default: unless a pushed tag started the run)",
    )

    verify = commands.add_parser("verify", parents=[shared], help="check every byte of a release, and who built it")
    verify.add_argument("source", nargs="?", metavar="SOURCE", help=f"{_SOURCE} (default: that of the run)")
    verify.add_argument("--tag", help="the release (default: the latest)")
    _repository(verify, "that must have built a folder of assets")
    _attestation(verify)

    install = commands.add_parser("install", parents=[shared], help="verify a model and install it into a directory")
    install.add_argument("source", metavar="SOURCE", help=_SOURCE)
    install.add_argument("--model", required=True, metavar="NAME", help="the model")
    install.add_argument("--version", help="its version (default: the newest that is not withdrawn)")
    install.add_argument("--target", help="what it was built for (needed where there are several)")
    _path(install, "--into", "model directory; RMIRs go to its folder rmir/")
    install.add_argument("--no-attestation", action="store_true", help="do not ask who built it")
    _attestation(install)

    rollback = commands.add_parser("rollback", parents=[shared], help="go back to an earlier version")
    rollback.add_argument("source", nargs="?", metavar="SOURCE", help=f"go back for everybody: {_SOURCE}")
    rollback.add_argument("--model", metavar="NAME", help="the model")
    rollback.add_argument("--version", help="to which version (default: the one before)")
    rollback.add_argument("--into", type=Path, metavar="DIR", help="go back in this model directory")
    rollback.add_argument("--rehearse", action="store_true", help="try it with every model, in folders that go away")
    rollback.add_argument(
        "--deploy", action="store_true", help="in a rehearsal: deploy what was gone back to, on a CPU"
    )
    rollback.add_argument("--dry-run", action="store_true", help="at GitHub: only say what would be done")
    return parser


def _tag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tag", required=True, help="v1.2.3 for all models, MODEL/v1.2.3 for one")


def _repository(parser: argparse.ArgumentParser, meaning: str) -> None:
    parser.add_argument("--repository", metavar="OWNER/NAME", help=f"repository {meaning}")


def _path(parser: argparse.ArgumentParser, flag: str, meaning: str, *, dest: str | None = None) -> None:
    parser.add_argument(flag, type=Path, required=True, metavar="DIR", dest=dest or flag.lstrip("-"), help=meaning)


def _attestation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--signer-workflow", metavar="OWNER/NAME/PATH", help="the workflow that must have attested it")
    parser.add_argument("--require-attestation", action="store_true", help="fail where the GitHub CLI is not there")


if __name__ == "__main__":
    sys.exit(main())
