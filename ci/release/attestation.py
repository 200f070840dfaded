"""Who built an asset: the provenance that the release workflow attests, verified by GitHub's own tool.

https://cli.github.com/manual/gh_attestation_verify
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ci import github
from ci.errors import AttestationFailed
from ci.release.folder import BUNDLE

__all__ = ["ABSENT", "verify_attestation"]

ABSENT = "not verified: the GitHub CLI (gh) is not on this machine"
_SECONDS = 120.0


def verify_attestation(
    files: Sequence[Path], *, repository: str, folder: Path, signer: str | None = None, required: bool = False
) -> str:
    """Verifies that a workflow of the repository built files; returns what to tell of it.

    Args:
        files: Assets.
        repository: `owner/name` that must have built them.
        folder: Where the bundle may be; without it the attestation is asked for at GitHub.
        signer: `owner/name/.github/workflows/file.yml` of the workflow that must have signed; None takes any of the
            repository's.
        required: Whether a machine without the tool is an error.

    Raises:
        AttestationFailed: An asset has no attestation, or that of somebody else; or the tool is missing and required.
    """
    tool = shutil.which("gh")
    if tool is None:
        if required:
            raise AttestationFailed(ABSENT, fix="install it from https://cli.github.com")
        return ABSENT
    bundle = folder / BUNDLE
    told = ["--repo", repository, *(["--signer-workflow", signer] if signer else [])]
    told += ["--bundle", str(bundle)] if bundle.is_file() else []
    token = github.token()
    variables = {**os.environ, **({"GH_TOKEN": token} if token else {})}
    for file in files:
        done = subprocess.run(
            [tool, "attestation", "verify", str(file), *told],
            capture_output=True,
            text=True,
            env=variables,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise AttestationFailed(
                f"gh attestation verify refused {file.name}: {(done.stderr or done.stdout).strip()[-1000:]}",
                why=f"no workflow of {repository} built it, or its attestation cannot be had",
                fix="do not use it before that is explained",
            )
    return f"verified: built by {signer or repository} ({len(files)} files)"
