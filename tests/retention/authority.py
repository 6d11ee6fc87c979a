"""A real time-stamping authority: certificates of its own, `openssl ts -reply` behind a small web server, and ways to answer wrongly."""

import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

POLICY = "1.2.3.4.1"
_CONFIG = """\
[ tsa ]
default_tsa = here
[ here ]
serial = {folder}/serial
default_policy = {policy}
other_policies = 1.2.3.4.2
digests = sha256
signer_digest = sha256
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
"""


def issue(
    name: str,
    by: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None,
    *,
    usage: x509.ObjectIdentifier | None = None,
    host: str | None = None,
    lasts: timedelta = timedelta(days=30),
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Issue a certificate: by itself, or by another; without `usage` it may issue more."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signing = (subject, key) if by is None else (by[0].subject, by[1])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + lasts)
        .add_extension(x509.BasicConstraints(ca=usage is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if usage is not None:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([usage]), critical=usage == ExtendedKeyUsageOID.TIME_STAMPING
        )
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    return builder.sign(signing, hashes.SHA256()), key


def pem_of(*certificates: x509.Certificate) -> bytes:
    """Return certificates as PEM."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@dataclass
class TimeStampingAuthority:
    """Stamps what it is asked to.

    Args:
        folder: for its files.
        lasts: until its certificate ends.
        ask_instead, answer_instead, cut_to, media_type: how it answers wrongly.
    """

    folder: Path
    lasts: timedelta = timedelta(days=30)
    queries: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    ask_instead: bytes | None = None
    answer_instead: bytes | None = None
    cut_to: int | None = None
    media_type: str = "application/timestamp-reply"

    def __post_init__(self) -> None:
        self.folder.mkdir()
        root = issue("Root of the tests")
        between = issue("Between", root)
        leaf, key = issue("TSA of the tests", between, usage=ExtendedKeyUsageOID.TIME_STAMPING, lasts=self.lasts)
        self.certificates = [one.public_bytes(serialization.Encoding.DER) for one in (leaf, between[0], root[0])]
        self.ends_at = leaf.not_valid_after_utc
        self.ca_file = self.folder / "root.pem"
        self.ca_file.write_bytes(pem_of(root[0]))
        (self.folder / "tsa.pem").write_bytes(pem_of(leaf))
        (self.folder / "tsa.key").write_bytes(key_pem(key))
        # Largest first: the reverse of the order that DER asks of a SET.
        largest_first = sorted((root[0], between[0]), key=lambda one: one.public_bytes(serialization.Encoding.DER))[
            ::-1
        ]
        (self.folder / "chain.pem").write_bytes(pem_of(*largest_first))
        (self.folder / "serial").write_text("01\n", encoding="ascii")
        (self.folder / "tsa.cnf").write_text(_CONFIG.format(folder=self.folder, policy=POLICY), encoding="ascii")

    def reply(self, query: bytes) -> bytes:
        """Return what openssl answers to a request."""
        (self.folder / "query").write_bytes(query)
        files = {"-queryfile": "query", "-signer": "tsa.pem", "-inkey": "tsa.key", "-config": "tsa.cnf", "-out": "out"}
        files |= {"-chain": "chain.pem"}
        words = [word for flag, name in files.items() for word in (flag, str(self.folder / name))]
        subprocess.run(["openssl", "ts", "-reply", *words], check=True, capture_output=True, timeout=30)
        return (self.folder / "out").read_bytes()

    def application(self) -> Starlette:
        """Return it as a web application."""

        async def answer(request: Request) -> Response:
            query = await request.body()
            self.queries.append(query)
            if self.answer_instead is None:
                self.answers.append(await run_in_threadpool(self.reply, self.ask_instead or query))
            body = self.answer_instead or self.answers[-1]
            return Response(body[: self.cut_to], media_type=self.media_type)

        return Starlette(routes=[Route("/", answer, methods=["POST"])])
