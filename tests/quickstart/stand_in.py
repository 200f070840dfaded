"""A small image in place of Riva's: its commands do what the RMIRs and models say, so that every failure can be had.

An RMIR is a text: `good`, `slow` (takes until it is stopped), or anything else, which is refused as corrupt. A model's
configuration says what the server does: `good`, `dies`, or `hangs` (is never ready).
"""

import io
import re
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

PROGRAMS = ["bash", "cat", "chmod", "env", "ls", "mkdir", "mv", "rm", "sh", "sleep", "touch", "true"]

COMMANDS = {
    "usr/bin/download_ngc_models": """
        [ "$NGC_CLI_API_KEY" != slow ] || { echo "downloading slowly"; sleep 600; }
        [ "$NGC_CLI_API_KEY" = right ] || { echo "NGC: 401 unauthorized" >&2; exit 1; }
        mkdir -p /data/rmir
        for model; do name=${model%:*}; echo good >"/data/rmir/${name##*/}.rmir"; done
    """,
    "usr/bin/deploy_all_models": """
        for rmir in "$1"/*.rmir; do
          case $(cat "$rmir") in
            good) ;;
            slow) mkdir -p "$2.part"; echo "deploying slowly"; sleep 600 ;;
            *) echo "error: $rmir: not an archive" >&2; exit 10 ;;
          esac
        done
        [ "$MODEL_DEPLOY_KEY" != wrong ] || { echo "error: the key is wrong" >&2; exit 12; }
        rm -rf "$2.part"
        mkdir -p "$2.part/model"
        echo good >"$2.part/model/config.pbtxt"
        rm -rf "$2"
        mv "$2.part" "$2"
    """,
    "usr/bin/start-riva": """
        echo "start-riva $*"
        echo "LD_PRELOAD=$LD_PRELOAD"
        case $(cat /data/models/model/config.pbtxt) in
          good) touch /tmp/ready ;;
          dies) echo "ModelsNotLoaded: model"; exit 45 ;;
        esac
        trap 'exit 0' TERM
        sleep 600 & wait
    """,
    "bin/grpc_health_probe": """
        if [ -e /tmp/ready ]; then echo "status: SERVING"; exit 0; fi
        echo "timeout: failed to connect service \\"${1#-addr=}\\" within 1s" >&2
        exit 1
    """,
}


def archive(commands: Mapping[str, str] = COMMANDS) -> bytes:
    """The root of the image as a tar: some programs of this machine, what they are linked with, and the commands."""
    files: dict[str, bytes] = {}
    for program in PROGRAMS:
        path = Path(shutil.which(program) or f"/bin/{program}")
        files[f"bin/{program}"] = path.read_bytes()
        linked = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"(/\S+) \(0x", linked):
            files[library[1:]] = Path(library).read_bytes()
    for name, script in commands.items():
        files[name] = f"#!/bin/bash\n{script}".encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for folder in ("tmp", "data"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777
            tar.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def load(*names: str, commands: Mapping[str, str] = COMMANDS) -> None:
    """Gives the image to the engine under these names."""
    path = "PATH=/usr/bin:/bin"
    image = (
        subprocess.run(
            ["docker", "import", "--change", f"ENV {path}", "--change", "LABEL riva-ci.test=stand-in", "-"],
            input=archive(commands),
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .strip()
    )
    for name in names:
        subprocess.run(["docker", "tag", image, name], check=True)
