"""Stands in for `scripts/nox` where workflows are rehearsed: sessions run in this Python, and stages answer at once.

Planning, handing over and watching are the real ones. A stage leaves a few bytes, and the record that the pipeline
would leave of them. The checkpoint that REFUSED names ends after its verdict.
"""

import os
import re
import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))  # the checkout, before whatever is installed

from ci import github
from ci.pipeline.records import Record, outputs_content

AT_ONCE = ("tests", "lint", "doctor", "compare")
STAGES = {
    "export": {"verdict": "verdict", "export": "{name}.riva"},
    "judge": {"build": "{name}.rmir", "deploy": "models", "conformance": "report"},
}


def _stages(part: str, name: str) -> int:
    folder = Path("build", name)
    for stage, output in STAGES[part].items():
        made = folder / output.format(name=name)
        if made.suffix:
            made.write_text(stage)
        else:
            made.mkdir(parents=True)
            (made / "verdict.sarif").write_text('{"runs": []}')
        if os.environ.get("REFUSED") == name:
            return 1
        content = outputs_content(folder, [made.name])
        assert content is not None
        (folder / ".state").mkdir(exist_ok=True)
        (folder / "logs").mkdir(exist_ok=True)
        Record("key", content, {}, {}).write(folder / ".state" / f"{stage}.json")
    return 0


def _module(session: str) -> str:
    """The module that the noxfile starts in a session."""
    found = re.search(rf'^def {session}\(.*?"-m", "([\w.]+)"', Path("noxfile.py").read_text(), re.DOTALL | re.MULTILINE)
    assert found, f"there is no session {session}"
    return found[1]


def main() -> int:
    """Runs the session of `nox -s SESSION [-- ARGUMENTS]`."""
    _, _, session, *rest = sys.argv
    arguments = rest[1:]
    if session in AT_ONCE:
        return 0
    if session == "key":
        github.set_output("key", "-".join(arguments).replace("/", ""))
        return 0
    if session == "lane":
        return _stages(arguments[0], arguments[1])
    module = _module(session)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
