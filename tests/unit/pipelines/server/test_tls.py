"""TLS: with the server's certificate alone, and with certificates on both sides."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
import riva.client
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pipelines.errors import MissingInput
from pipelines.server.options import ServerOptions
from tests.counting.client import config, tone, wav
from tests.counting.running import RunningServer


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, as PEM files."""

    cert: Path
    key: Path


Authority = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def certificate(folder: Path, name: str, issuer: Authority | None = None) -> tuple[Certificate, Authority]:
    """Makes a certificate for localhost, signed by the issuer or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )
    files = Certificate(folder / f"{name}.crt", folder / f"{name}.key")
    files.cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return files, (made, key)


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
