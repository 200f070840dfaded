"""start-riva understands what scripts pass to Riva's own, and says what is wrong with the rest."""

from pathlib import Path

import pytest

from pipelines.cli import start_riva
from pipelines.errors import MissingInput
from pipelines.server.options import ServerOptions
from pipelines.stages import serve


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[serve.ServeRequest]:
    """What the stage was asked to do, instead of doing it."""
    seen: list[serve.ServeRequest] = []
    monkeypatch.setattr(serve, "serve", seen.append)
    return seen


GUIDE = ["--riva-uri=0.0.0.0:50051", "--nlp_service=true", "--asr_service=true", "--tts_service=true"]


def test_the_guides_command_is_understood(requests: list[serve.ServeRequest]) -> None:
    """The manual run of the Riva guide works as it is printed."""
    assert start_riva.main(GUIDE) == 0
    assert requests[0].server.riva_uri == "0.0.0.0:50051"
    assert requests[0].server.services == ("asr", "nlp", "tts")
    assert str(requests[0].repository) == "/data/models"


@pytest.mark.parametrize(
    ("spelling", "offered"),
    [
        ("--asr_service", True),
        ("--asr_service=true", True),
        ("--asr-service=1", True),
        ("-asr_service=t", True),
        ("--asr_service=YES", True),
        ("--noasr_service", False),
        ("--asr_service=false", False),
        ("--asr_service=0", False),
        ("--asr_service=n", False),
    ],
)
def test_booleans_are_those_of_gflags(requests: list[serve.ServeRequest], spelling: str, offered: bool) -> None:
    """All spellings that gflags takes mean the same here."""
    assert start_riva.main([spelling]) == 0
    assert ("asr" in requests[0].server.services) == offered


@pytest.mark.parametrize("arguments", [["--riva_uri=[::1]:7"], ["-riva-uri", "[::1]:7"], ["--riva-uri", "[::1]:7"]])
def test_dashes_and_underscores_are_the_same(requests: list[serve.ServeRequest], arguments: list[str]) -> None:
    """As in gflags; a value may stand behind an equals sign or by itself."""
    assert start_riva.main(arguments) == 0
    assert requests[0].server.riva_uri == "[::1]:7"


def test_an_empty_boolean_is_refused_in_known_words(capsys: pytest.CaptureFixture[str]) -> None:
    """An unset variable in config.sh gives this message with Riva, for which people search."""
    assert start_riva.main(["--asr_service="]) == 64
    assert "illegal value '' specified for bool flag 'asr_service'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--riva-uri=50051"], "expected HOST:PORT"),
        (["--riva-uri=host:99999"], "expected HOST:PORT"),
        (["--use_ssl"], "--ssl_server_cert"),
        (["--use_ssl", "--ssl_server_cert=a", "--ssl_server_key=b", "--ssl_use_mutual_auth"], "--ssl_root_cert"),
        (["--asr_servise=true"], "did you mean --asr_service"),
        (["--max-streams=many"], "whole number"),
    ],
)
def test_usage_errors_say_what_was_expected(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 64 and what to write instead."""
    assert start_riva.main(arguments) == 64
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["ssl_server_cert", "ssl_server_key", "ssl_root_cert"])
def test_a_missing_certificate_is_known_before_anything_starts(
    missing: str, requests: list[serve.ServeRequest], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not after the models are loaded, and by the name of its flag."""
    (tmp_path / "there.pem").touch()
    names = ("ssl_server_cert", "ssl_server_key", "ssl_root_cert")
    files = [f"--{name}={tmp_path / ('nowhere.pem' if name == missing else 'there.pem')}" for name in names]
    assert start_riva.main(["--use_ssl", *files]) == MissingInput.exit_code
    assert f"--{missing}={tmp_path / 'nowhere.pem'} cannot be read" in capsys.readouterr().err
    assert not requests


@pytest.mark.parametrize(
    ("argv", "services"),
    [
        ([], ("asr", "nlp")),
        (["--nlp_service=false"], ("asr",)),
        (["--asr_service=false", "--nlp_service=true"], ("nlp",)),
        (GUIDE, ("asr", "nlp", "tts")),
    ],
    ids=["those that there are", "nlp switched off", "asr switched off", "as in the guide"],
)
def test_services_are_offered_unless_they_are_switched_off(
    argv: list[str], services: tuple[str, ...], requests: list[serve.ServeRequest]
) -> None:
    """Both rooms that there are by default; which of them serves depends on the repository."""
    assert start_riva.main(argv) == 0
    assert requests[0].server.services == services


def test_options_survive_the_way_to_the_servers_process() -> None:
    """The API server is told everything as JSON."""
    options = ServerOptions(services=("asr", "tts"), metrics_port=0, use_ssl=True, max_streams=3)

    assert ServerOptions.from_json(options.to_json()) == options
