"""`riva-conformance` as people and CI call it: exit codes, messages, reports."""

import datetime
import ipaddress
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ci.conformance import server
from ci.conformance.__main__ import CASES_FAILED, main
from ci.conformance.checks import CHECKS
from ci.errors import BadEvaluation, BadKnownFailing, BadYaml, ServerUnreachable
from pipelines.errors import InternalError, MissingInput, UsageError
from tests.conformance.mistakes.invariants import CountsAudioInMilliseconds
from tests.conformance.mistakes.punctuation import TakesQuestionsForStatements
from tests.conformance.mistakes.recognition import HearsNothing
from tests.conformance.scripted.server import ScriptedServer, serving

HEALTH = "--run=speech_recognition/health"
DECLARATION = "language: en-US\nbuilds: {offline: {}, streaming: {}}\n"


@pytest.fixture(scope="module")
def uri() -> Iterator[str]:
    with serving(ScriptedServer()) as address:
        yield address


@pytest.fixture
def declaration(tmp_path: Path, evaluation_folder: Path) -> Path:
    path = tmp_path / "pipeline.yaml"
    path.write_text(DECLARATION)
    (tmp_path / "evaluation").symlink_to(evaluation_folder)
    return path


def test_a_conforming_server_ends_with_0(
    uri: str, declaration: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With all reports; the evaluation set is found beside the declaration, what was measured is in the terminal."""
    facts = tmp_path / "facts.json"
    facts.write_text('{"Stages": [{"stage": "export", "seconds": 1.5}], "Versions": {"riva": "2.19.0"}}')
    report = tmp_path / "report"

    code = main(
        [
            f"--uri={uri}",
            f"--declare={declaration}",
            f"--report={report}",
            f"--facts={facts}",
            "--run=**/recognition/word-error-rate",
        ]
    )

    document = json.loads((report / "conformance.json").read_text())
    page = (report / "conformance.html").read_text()
    suite = ElementTree.parse(report / "conformance.xml").getroot()
    assert code == 0
    assert "word error rate, offline: 0.00%" in capsys.readouterr().out
    assert (document["outcome"], document["counts"]["pass"], suite.attrib["tests"]) == ("pass", 2, "2")
    assert [model["name"] for model in document["models"]] == [
        "tones-streaming",
        "tones-offline",
        "tones-punctuation",
    ]
    assert "conforms" in page
    assert "2.19.0" in page
    assert "http-equiv" not in page
    assert "src=" not in page, "the page must need nothing beside itself"


def test_failures_end_with_their_own_code(evaluation_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The terminal says what was expected and what came, without a traceback."""
    with serving(HearsNothing()) as uri:
        code = main(
            [f"--uri={uri}", f"--evaluation={evaluation_folder}", "--run=**/recognition/word-error-rate/offline"]
        )

    out = capsys.readouterr().out
    assert code == CASES_FAILED
    assert "FAIL speech_recognition/recognition/word-error-rate/offline" in out
    assert "got      an empty transcript" in out
    assert "Traceback" not in out


def test_a_fault_of_the_suite_is_no_finding(
    uri: str, evaluation_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other cases are judged all the same, and the exit code blames the suite."""

    def broken(argument: Any, evidence: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("ci.conformance.checks.CHECKS", {**CHECKS, "serving": broken})

    code = main([f"--uri={uri}", HEALTH])

    out = capsys.readouterr().out
    assert code == InternalError.exit_code
    assert "ERROR speech_recognition/health/server" in out
    assert "1 pass, 4 error" in out


def test_known_failures_keep_ci_green_until_they_pass(evaluation_folder: Path, tmp_path: Path) -> None:
    """Listed and failing: 0. Listed and passing: a failure. Not matching any case: an error."""
    known = tmp_path / "known.txt"
    arguments = [f"--evaluation={evaluation_folder}", f"--known-failing={known}", "--run=**/audio-processed/offline"]
    with serving(CountsAudioInMilliseconds()) as wrong, serving(ScriptedServer()) as right:
        known.write_text("# Counts in ms, see issue 9\nspeech_recognition/invariants/audio-processed/*\n")
        assert main([f"--uri={wrong}", *arguments]) == 0
        assert main([f"--uri={right}", *arguments]) == CASES_FAILED
        known.rename(tmp_path / "known-failing.txt")
        (tmp_path / "pipeline.yaml").write_text(DECLARATION)
        beside = [f"--declare={tmp_path / 'pipeline.yaml'}", *arguments[::2]]
        assert main([f"--uri={wrong}", *beside]) == 0
        known.write_text("# Counts in ms, see issue 9\nspeech_recognition/invariants/audio-processd/*\n")
        assert main([f"--uri={wrong}", *arguments]) == BadKnownFailing.exit_code


def test_wrong_marks_are_shown_word_by_word(tmp_path: Path) -> None:
    """The page has the texts with wrong marks or capitals, what was expected beside what was written."""
    lines = [{"text": "alpha echo", "punctuated": "Alpha echo?"}, {"text": "hotel", "punctuated": "Hotel."}]
    (tmp_path / "manifest.json").write_text("\n".join(map(json.dumps, lines)))
    cases = ["--run=punctuation/content/accuracy/punctuate"]
    with serving(TakesQuestionsForStatements()) as uri:
        code = main([f"--uri={uri}", f"--evaluation={tmp_path}", f"--report={tmp_path}", *cases])

    page = (tmp_path / "conformance.html").read_text()
    assert code == CASES_FAILED
    assert "Texts with wrong marks or capitals" in page
    assert "<del>echo?</del> <ins>echo.</ins>" in page
    assert "words wrong in punctuation, punctuate" in page
    assert "Misrecognised" not in page


def test_a_hostile_server_cannot_break_the_reports(evaluation_folder: Path, tmp_path: Path) -> None:
    """Text of the server is escaped in HTML, and what XML cannot carry is replaced."""

    class Hostile(ScriptedServer):
        def write(self, word: str, config: Any) -> str:
            return "<script>alert(1)</script>[bold]"

        def models(self) -> dict[str, dict[str, str]]:
            return {f"<script>alert(1)</script>\x01{name}": each for name, each in super().models().items()}

    cases = ["--run=**/recognition/word-error-rate", "--run=**/models-listed"]
    with serving(Hostile()) as uri:
        main([f"--uri={uri}", f"--evaluation={evaluation_folder}", f"--report={tmp_path}", *cases])

    assert "<script>alert" not in (tmp_path / "conformance.html").read_text()
    assert "\N{REPLACEMENT CHARACTER}tones-offline" in ElementTree.parse(tmp_path / "conformance.xml").findtext(
        ".//system-out", ""
    )


BAD_CALLS = {
    "no address": ([], UsageError),
    "unknown option": (["--colour"], UsageError),
    "no case left": (["--uri=localhost:1", "--run=nothing"], UsageError),
    "no evaluation set": (["--uri=localhost:1", "--evaluation=/no/such/folder"], BadEvaluation),
    "no declaration": (["--uri=localhost:1", "--declare=/no/such/file.yaml"], BadYaml),
    "no certificate": (["--uri=localhost:1", "--ssl-root-cert=/no/such/file.pem"], MissingInput),
    "no facts": (["--uri=localhost:1", "--facts=/no/such/file.json"], MissingInput),
    "no server": (["--uri=localhost:1"], ServerUnreachable),
}


@pytest.mark.parametrize(("arguments", "error"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_bad_calls_have_codes_of_their_own(
    arguments: list[str], error: type, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One clear message, an exit code a class of error, never a traceback."""
    monkeypatch.setattr(server.Connection.__init__, "__kwdefaults__", {"wait": 0.2})

    assert main(arguments) == error.exit_code

    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert "fix: " in message
    assert "Traceback" not in message


def test_declared_accuracy_needs_an_evaluation_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Limits that nobody measures would be worth nothing; without limits the cases are skipped with a reason."""
    declaration = tmp_path / "pipeline.yaml"
    declaration.write_text(DECLARATION)
    arguments = [f"--declare={declaration}", "--run=**/recognition/word-error-rate"]
    with serving(ScriptedServer()) as uri:
        assert main([f"--uri={uri}", *arguments]) == 0
        assert "skipped 2: no evaluation set with utterances was given" in capsys.readouterr().out
        declaration.write_text(DECLARATION + "accuracy: {offline: 0.1}\n")
        assert main([f"--uri={uri}", *arguments]) == BadEvaluation.exit_code


def test_help_and_list_import_nothing_heavy() -> None:
    """They answer at once, wherever the package is installed."""
    script = """
import sys
from ci.conformance.__main__ import main
try:
    code = main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print(code, sorted({"grpc", "numpy", "soundfile", "jinja2", "riva"} & set(sys.modules)))
"""
    for option in ("--help", "--list"):
        done = subprocess.run([sys.executable, "-c", script, option], capture_output=True, text=True, check=True)
        assert done.stdout.endswith("0 []\n")


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Key and certificate of localhost, signed by itself; the client uses the same."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    unprotected = serialization.NoEncryption()
    contents = {
        "key": key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unprotected),
        "cert": certificate.public_bytes(serialization.Encoding.PEM),
    }
    for stem, content in contents.items():
        (folder / f"{stem}.pem").write_bytes(content)
    return {stem: folder / f"{stem}.pem" for stem in contents}


@pytest.mark.parametrize("mutual", [False, True], ids=["server certificate", "both certificates"])
def test_a_server_with_tls_is_judged(pem: dict[str, Path], mutual: bool) -> None:
    """With the root certificate alone, or with a certificate of the client too."""
    pair = (pem["key"].read_bytes(), pem["cert"].read_bytes())
    root = pair[1] if mutual else None
    credentials = grpc.ssl_server_credentials([pair], root_certificates=root, require_client_auth=mutual)
    client = [f"--ssl-client-cert={pem['cert']}", f"--ssl-client-key={pem['key']}"] if mutual else []

    with serving(ScriptedServer(), credentials) as uri:
        assert main([f"--uri={uri}", HEALTH, f"--ssl-root-cert={pem['cert']}", *client]) == 0
