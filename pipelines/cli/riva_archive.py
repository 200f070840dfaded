"""`riva-archive show|verify|diff FILE[:key] ...`: looks into `.riva` and `.rmir` files."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import yaml

from pipelines.archive.archive import Archive
from pipelines.archive.encrypted_path import EncryptedPath, key_warnings
from pipelines.archive.inspection import check_artifacts, differences
from pipelines.cli import explain, run
from pipelines.cli.command_line import CommandLine, Positional
from pipelines.cli.flags import flag
from pipelines.errors import RivaError, UsageError

__all__ = ["COMMAND_LINE", "main"]

DIFFERENT = 1  # a finding, not an error of this program: no error class has this exit code
_SHOWN_DIGEST = 16  # digits


@dataclass(frozen=True, kw_only=True)
class ArchiveFlags:
    """Flags of riva-archive."""

    verbose: bool = flag(False, "print the traceback of an error")


_ACTION = Positional(
    "ACTION", "show prints the manifest, verify reads everything and compares digests, diff compares two archives"
)
_FILES = Positional("FILE[:key]", "a .riva or .rmir; the key is the text or a file that holds it", many=True)
COMMAND_LINE = CommandLine(
    "riva-archive",
    "Looks into archives. Ends with 0; with 1 where diff finds a difference; or with the code of the first error.",
    ArchiveFlags,
    [_ACTION, _FILES],
)


def main(argv: list[str] | None = None) -> int:
    """Runs riva-archive; returns the exit code."""
    return run(_main, argv)


def _main(argv: list[str]) -> int:
    words = COMMAND_LINE.parse(argv).words
    (action,) = words[_ACTION.metavar]
    actions = {"show": _show, "verify": _verify, "diff": _diff}
    if action not in actions:
        raise UsageError(f"there is no action {action!r}", fix=f"the first word is one of {', '.join(actions)}")
    paths = [*map(EncryptedPath.parse, words[_FILES.metavar])]
    for warning in key_warnings(*(path.key for path in paths)):
        print(f"warning: {warning}", file=sys.stderr)
    with ExitStack() as files:
        return actions[action]([files.enter_context(Archive.open(path)) for path in paths])


def _show(archives: Sequence[Archive]) -> int:
    for archive in archives:
        manifest = archive.manifest
        print(f"{archive.path.path}: {_kind(manifest)}")
        print(_table([("artifact", "bytes", "sha256", ""), *_rows(archive)]))
        facts = {key: value for key, value in manifest.items() if key != "artifacts"}
        print(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True))
    return 0


def _kind(manifest: Mapping[str, Any]) -> str:
    if manifest.get("format") == "rmir":
        return f"RMIR of pipeline {manifest.get('pipeline')}, named {manifest.get('name')}"
    return f".riva of {manifest.get('metadata', {}).get('obj_cls', 'an unnamed class')}"


def _rows(archive: Archive) -> Iterator[tuple[str, str, str, str]]:
    for name, said in archive.manifest["artifacts"].items():
        sealed = "encrypted" if archive.is_encrypted(name) else ""
        yield name, f"{said['size']:,}", said["sha256"][:_SHOWN_DIGEST], sealed


def _table(rows: Sequence[tuple[str, str, str, str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        f"  {name:{widths[0]}}  {size:>{widths[1]}}  {digest:{widths[2]}}  {note}".rstrip()
        for name, size, digest, note in rows
    )


def _verify(archives: Sequence[Archive]) -> int:
    errors: list[RivaError] = []
    for archive in archives:
        print(archive.path.path)
        for check in check_artifacts(archive):
            if check.error is not None:
                errors.append(check.error)
            outcome = "failed" if check.error else "ok" if check.opened else "ok as stored; no key to decrypt it with"
            print(f"  {check.name}: {outcome}")
    for error in errors:
        print(explain(error), file=sys.stderr)
    return errors[0].exit_code if errors else 0


def _diff(archives: Sequence[Archive]) -> int:
    if len(archives) != 2:
        raise UsageError(f"diff compares two archives, got {len(archives)}", fix="riva-archive diff A[:key] B[:key]")
    found = [*differences(*archives)]
    for difference in found:
        print(difference.where)
        print(f"  {archives[0].path.path}: {_spelled(difference.first)}")
        print(f"  {archives[1].path.path}: {_spelled(difference.second)}")
    print(f"{len(found)} differences" if found else "no difference")
    return DIFFERENT if found else 0


def _spelled(value: object) -> str:
    return "-" if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main())
