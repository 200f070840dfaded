"""What can be done with this repository: `./scripts/nox -l`. Sessions say what; the Python they start says how.

Sessions use the locked environments of `ci/environments.py` instead of environments of nox's own, so that `nox -s
pipeline`, a stage by itself and CI all run the same installation.
"""

import signal
import sys
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent))

from ci import environments
from ci.halves import HALVES, asked_of
from pipelines.errors import RivaError

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["tests", "lint"]

QUICK = "not full and not network and not container"
# What other versions of libraries can break; what an image holds is computed from the very versions of the runtime.
PRODUCT = ("--ignore=tests/workflows", "--ignore=tests/docs", "--ignore=tests/unit/ci/containers")
STOP_SECONDS = 60.0  # a server lets running streams finish; nox's own limits are fractions of a second

signal.signal(signal.SIGTERM, signal.default_int_handler)  # nox by itself would die and leave what it started running


def _ready(session: nox.Session, environment: str) -> Path:
    """The folder of an environment, which is set up first if need be."""
    try:
        return environments.ready(environment)
    except RivaError as error:
        session.error(str(error))


def _python(session: nox.Session, environment: str, *arguments: str) -> None:
    """Runs the Python of an environment."""
    folder = _ready(session, environment)
    variables = {**environments.clean_variables(), "PATH": environments.search_path(folder)}
    session.run(
        str(folder / "bin" / "python"),
        *arguments,
        env=variables,
        include_outer_env=False,
        external=True,
        terminate_timeout=STOP_SECONDS,
    )


def _pytest(session: nox.Session, marks: str) -> None:
    """Runs the tests of both environments; one of them may hold none of those that were asked for."""
    _ready(session, "node")  # tests/workflows reads the workflows with it
    tally = Path(session.create_tmp()) / "tally"
    tally.write_text("")
    for environment, half in HALVES.items():
        asked = asked_of(environment, session.posargs)
        if asked is not None:
            _python(session, environment, "-m", "pytest", "-m", f"{marks} and {half}", f"--tally={tally}", *asked)
    if not any(map(int, tally.read_text().split())):
        session.error(f"no test is called for by {' '.join(session.posargs)}")


@nox.session
def pipeline(session: nox.Session) -> None:
    """Take the checkpoints (all, or those named) through every stage and judge the server."""
    _python(session, "runtime", "-m", "ci.pipeline", *session.posargs)


@nox.session
def verdict(session: nox.Session) -> None:
    """Read the checkpoints without executing anything and say whether they can be served."""
    _python(session, "runtime", "-m", "ci.pipeline", "--until", "verdict", *session.posargs)


@nox.session
def export(session: nox.Session) -> None:
    """Run the pipeline up to nemo2riva: checkpoints become .riva archives."""
    _python(session, "runtime", "-m", "ci.pipeline", "--until", "export", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Run the pipeline up to riva-build: .riva archives become .rmir files."""
    _python(session, "runtime", "-m", "ci.pipeline", "--until", "build", *session.posargs)


@nox.session
def deploy(session: nox.Session) -> None:
    """Run the pipeline up to riva-deploy: .rmir files become a Triton model repository."""
    _python(session, "runtime", "-m", "ci.pipeline", "--until", "deploy", *session.posargs)


@nox.session
def images(session: nox.Session) -> None:
    """Make the ServiceMaker image and the speech image; `-- --image-prefix PREFIX --base IMAGE`."""
    _python(session, "runtime", "-m", "ci.containers", *session.posargs)


@nox.session
def serve(session: nox.Session) -> None:
    """Leave the server of one checkpoint running, and print a client command to paste."""
    _python(session, "runtime", "-m", "ci.pipeline.serve", *session.posargs)


@nox.session
def conformance(session: nox.Session) -> None:
    """Judge a running server: -- --uri HOST:PORT; without it, run the pipeline whole."""
    module = "ci.conformance" if any(a.startswith("--uri") for a in session.posargs) else "ci.pipeline"
    _python(session, "runtime", "-m", module, *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests, those that need NeMo in its own environment."""
    _pytest(session, "not full and not network and not container")


@nox.session(name="tests-container")
def tests_container(session: nox.Session) -> None:
    """Run the tests that need a Docker engine and the images of `nox -s images`; the long ones are in tests-full."""
    _pytest(session, "container and not full")


@nox.session(name="tests-full")
def tests_full(session: nox.Session) -> None:
    """Run the long proofs; `-- --slice SEED:PARTS` runs one of so many parts, chosen by a seed."""
    _pytest(session, "(full or network)")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types, workflows, and shell scripts."""
    _python(session, "dev", "-m", "ruff", "check", ".")
    _python(session, "dev", "-m", "ruff", "format", "--check", ".")
    _python(session, "dev", "-m", "mypy")
    _python(session, "dev", "-m", "ci.lint")


@nox.session
def plan(session: nox.Session) -> None:
    """Say which checkpoints a change is about, and on which targets they are judged."""
    _python(session, "runtime", "-m", "ci.matrix", *session.posargs)


@nox.session
def lane(session: nox.Session) -> None:
    """Do one machine's part of a run of a workflow: export, pull or judge."""
    _python(session, "runtime", "-m", "ci.lane", *session.posargs)


@nox.session
def key(session: nox.Session) -> None:
    """Print the digest by which outputs of stages are cached."""
    _python(session, "runtime", "-m", "ci.pipeline.keys", *session.posargs)


@nox.session
def artifacts(session: nox.Session) -> None:
    """Hand outputs of stages to another machine, with their digests, or take them from one."""
    _python(session, "runtime", "-m", "ci.artifacts", *session.posargs)


@nox.session
def compare(session: nox.Session) -> None:
    """Compare what a checkpoint came to with its base: sizes, accuracy, latency."""
    _python(session, "runtime", "-m", "ci.comparison", *session.posargs)


@nox.session
def watchdog(session: nox.Session) -> None:
    """End a run of a workflow whose jobs no runner takes, and say why."""
    _python(session, "runtime", "-m", "ci.watchdog", *session.posargs)


@nox.session
def release(session: nox.Session) -> None:
    """Make, verify, publish, install and take back releases: `-- --help`."""
    _python(session, "runtime", "-m", "ci.release", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure speed against the bare network, side by side in one run."""
    _python(session, "bench", "-m", "ci.bench", *session.posargs)


@nox.session
def samples(session: nox.Session) -> None:
    """Make the sample checkpoints again: speech from espeak-ng, training on two cores."""
    _python(session, "export", "-m", "scripts.samples.train", *session.posargs)


@nox.session(name="samples-nlp")
def samples_nlp(session: nox.Session) -> None:
    """Make the punctuation sample again: text from a grammar, training on two cores."""
    _python(session, "samples-nlp", "-m", "scripts.samples.punctuation.train", *session.posargs)


@nox.session
def goldens(session: nox.Session) -> None:
    """Write the generated tables and golden files again; `git diff` shows what changed."""
    _python(session, "dev", "-m", "pipelines.option_tables")
    _python(session, "dev", "-m", "tests.rooms.goldens")
    _python(session, "dev", "-m", "pipelines.compatibility_page")
    _python(session, "dev", "-m", "pipelines.verdict.failures")
    _python(session, "dev", "-m", "pipelines.rule_table")
    _ready(session, "node")
    _python(session, "dev", "-m", "tests.workflows.steps")
    _python(session, "dev", "-m", "ci.doctor.rule_table")
    _python(session, "export", "tests/assets/features/make_golden.py")


@nox.session
def doctor(session: nox.Session) -> None:
    """Say what would fail on this machine before a job does: -- --target x86-gpu."""
    _python(session, "runtime", "-m", "ci.doctor", *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Make ci/locks again from pyproject.toml; `-- --upgrade` takes the newest versions."""
    _python(session, "lock", "-m", "ci.lock", *session.posargs)


@nox.session
def wheelhouse(session: nox.Session) -> None:
    """Download the packages of environments for machines without an index: -- FOLDER [ENVIRONMENT ...]."""
    _python(session, "lock", "-m", "ci.wheelhouse", *session.posargs)


@nox.session
def minimums(session: nox.Session) -> None:
    """Run the quick tests with the oldest versions that pyproject.toml claims."""
    _python(session, "minimums", "-m", "pytest", "-m", f"{QUICK} and not export", *PRODUCT, *session.posargs)


@nox.session
def newest(session: nox.Session) -> None:
    """Run the quick tests with the newest versions there are today, exact pins lifted."""
    _python(session, "lock", "-m", "ci.newest", "dev")
    _python(session, "newest", "-m", "pytest", "-m", f"{QUICK} and not export", *PRODUCT, *session.posargs)


@nox.session(name="newest-nemo")
def newest_nemo(session: nox.Session) -> None:
    """Export the sample with the newest NeMo, compared with the checkpoint, and run the tests of the export."""
    _python(session, "lock", "-m", "ci.newest", "export")
    output = Path(session.create_tmp()) / "sample.riva"
    sample = "checkpoints/asr-en-US-commands/model.nemo"
    _python(session, "newest-nemo", "-m", "pipelines.cli.nemo2riva", "--force", "--out", str(output), sample)
    _python(session, "newest-nemo", "-m", "pytest", "-m", f"{QUICK} and export", *session.posargs)


@nox.session
def advisories(session: nox.Session) -> None:
    """Ask for the published advisories about everything that is pinned here; each needs a fix or a waiver."""
    _python(session, "runtime", "-m", "ci.advisories", *session.posargs)


@nox.session(name="nightly-issue")
def nightly_issue(session: nox.Session) -> None:
    """Keep one issue about the nightly checks; the last job of the nightly workflow."""
    _python(session, "runtime", "-m", "ci.nightly", *session.posargs)


@nox.session(name="template-update")
def template_update(session: nox.Session) -> None:
    """Bring the template's changes into this repository: a branch, or with -- --pull-request a pull request."""
    _python(session, "runtime", "-m", "ci.template", *session.posargs)


@nox.session
def clean(session: nox.Session) -> None:
    """Free the disk: outputs and environments; says how much."""
    session.run(sys.executable, "-m", "ci.clean", *session.posargs, external=True)
