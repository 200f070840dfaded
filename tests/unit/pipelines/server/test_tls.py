"""TLS: with the server's certificate alone, and with certificates on both sides."""

from collections.abc import Iterator

import grpc
import pytest
import riva.client

from pipelines.errors import MissingInput
from pipelines.server.options import ServerOptions
from tests.certificates import Certificate, certificate
from tests.counting.client import config, tone, wav
from tests.counting.running import RunningServer


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Certificate]:
    folder = tmp_path_factory.mktemp("certificates")
    root, authority = certificate(folder, "root")
    server, _ = certificate(folder, "server", authority)
    client, _ = certificate(folder, "client", authority)
    return {"root": root, "server": server, "client": client}


@pytest.fixture(params=[False, True], ids=["server only", "mutual"])
def running(request: pytest.FixtureRequest, certificates: dict[str, Certificate]) -> Iterator[RunningServer]:
    options = ServerOptions(
        use_ssl=True,
        ssl_server_cert=str(certificates["server"].cert),
        ssl_server_key=str(certificates["server"].key),
        ssl_root_cert=str(certificates["root"].cert) if request.param else "",
        ssl_use_mutual_auth=request.param,
    )
    with RunningServer(options) as it:
        yield it


def test_stock_client_speaks_tls(running: RunningServer, certificates: dict[str, Certificate]) -> None:
    """The stock client with the root certificate, and its own where the server wants one, is answered."""
    auth = riva.client.Auth(
        uri=running.address.replace("127.0.0.1", "localhost"),
        use_ssl=True,
        ssl_root_cert=str(certificates["root"].cert),
        ssl_client_cert=str(certificates["client"].cert),
        ssl_client_key=str(certificates["client"].key),
    )
    assert riva.client.ASRService(auth).offline_recognize(wav(tone(1.0)), config()).results
    auth.channel.close()


def test_clients_without_a_certificate_stay_outside(
    running: RunningServer, certificates: dict[str, Certificate]
) -> None:
    """Mutual TLS turns away who shows nothing; plain text is never understood."""
    auth = riva.client.Auth(
        uri=running.address.replace("127.0.0.1", "localhost"),
        use_ssl=True,
        ssl_root_cert=str(certificates["root"].cert),
    )
    call = riva.client.ASRService(auth).offline_recognize
    if running.options.ssl_use_mutual_auth:
        with pytest.raises(grpc.RpcError) as raised:
            call(wav(tone(1.0)), config())
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    else:
        assert call(wav(tone(1.0)), config()).results
    auth.channel.close()
    plain = riva.client.Auth(uri=running.address)
    with pytest.raises(grpc.RpcError):
        riva.client.ASRService(plain).offline_recognize(wav(tone(1.0)), config())
    plain.channel.close()


def test_a_missing_key_is_named(certificates: dict[str, Certificate]) -> None:
    """A path that cannot be read is an error with the path in it."""
    options = ServerOptions(use_ssl=True, ssl_server_cert="/nowhere.crt", ssl_server_key="/nowhere.key")
    with pytest.raises(MissingInput, match=r"/nowhere\.key"), RunningServer(options):
        pass
