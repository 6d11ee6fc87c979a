"""The shipped configuration of nginx, with a real nginx and a real API behind it; each test comes from an address of its own."""

import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import select
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.builders import add_placement
from tests.ingest.running import House, running_house, until
from tests.ingest.visitors import PASSWORD, admit
from tests.pages.running import answers, free_port
from vms.db.tables import session
from vms.model import PlacementId, Role

pytestmark = pytest.mark.processes

SHIPPED = Path(__file__).parents[2] / "config" / "nginx" / "vms.conf"
NAME = "vms.test"
WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Front:
    """nginx, and what is behind it."""

    house: House
    port: int
    plain_port: int
    folder: Path

    def reach(self, address: str) -> socket.socket:
        """Connect from an address, without TLS yet."""
        return socket.create_connection(("127.0.0.1", self.port), WITHIN_S, source_address=(address, 0))

    def trust(self) -> ssl.SSLContext:
        """Return what believes the proxy's certificate."""
        return ssl.create_default_context(cafile=str(self.folder / "cert.pem"))

    def ask(self, address: str, method: str, path: str, **more: object) -> httpx.Response:
        """Send a request from an address."""
        with self.client(address) as client:
            return client.request(method, path, **more)  # type: ignore[arg-type] # passed through

    def client(self, address: str) -> httpx.Client:
        """Return a client at an address."""

        def name_server(request: httpx.Request) -> None:
            request.extensions["sni_hostname"] = NAME

        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}",
            transport=httpx.HTTPTransport(verify=self.trust(), local_address=address),
            headers={"Host": NAME, "Origin": f"https://{NAME}"},
            event_hooks={"request": [name_server]},
            timeout=WITHIN_S,
        )

    def sign_in(self, address: str, **headers: str) -> str:
        """Sign the observer in; return the cookie."""
        said = {"username": "uitkijk", "password": PASSWORD}
        answer = self.ask(address, "POST", "/api/sign-in", json=said, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.headers["set-cookie"].split(";")[0]

    def watch(self, address: str, cookie: str) -> ClientConnection:
        """Open a live picture."""
        return connect(
            f"wss://{NAME}/api/placements/neude/live",
            sock=self.reach(address),
            ssl=self.trust(),
            server_hostname=NAME,
            additional_headers={"Cookie": cookie, "Origin": f"https://{NAME}"},
            max_size=1 << 20,
        )


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Start the API and nginx."""
    folder = tmp_path_factory.mktemp("front")
    api_port, port, plain_port = free_port(), free_port(), free_port()
    settings = {"api_port": api_port, "public_origin": f"https://{NAME}", "trusted_proxies": "127.0.0.1"}
    make_certificate(folder)
    configure(folder, api_port, port, plain_port)
    with running_house(folder / "house", **settings) as house:
        admit(house, {"uitkijk": Role.OBSERVER})
        with house.parts.db.write() as conn:
            add_placement(conn, PlacementId("neude"))
        house.run("api")
        nginx = subprocess.Popen(
            [shutil.which("nginx") or "/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
        )
        try:
            until(lambda: answers(f"http://127.0.0.1:{api_port}"), 60, "the API answers")
            made = Front(house, port, plain_port, folder)
            until(lambda: is_up(made), 30, "nginx answers")
            yield made
        finally:
            nginx.terminate()
            nginx.wait(WITHIN_S)


def is_up(front: Front) -> bool:
    """Return whether nginx listens."""
    try:
        front.reach("127.0.0.1").close()
    except OSError:
        return False
    return True


def configure(folder: Path, api_port: int, port: int, plain_port: int) -> None:
    """Write the shipped configuration with our ports, name and smaller limits, and what surrounds it."""
    text = "".join(
        line for line in SHIPPED.read_text(encoding="utf-8").splitlines(keepends=True) if "[::]:" not in line
    )
    for shipped, ours in {
        "/etc/ssl/vms.example.nl/fullchain.pem": f"{folder}/cert.pem",
        "/etc/ssl/vms.example.nl/privkey.pem": f"{folder}/key.pem",
        "vms.example.nl": NAME,
        "127.0.0.1:8480": f"127.0.0.1:{api_port}",
        "listen 80;": f"listen 127.0.0.1:{plain_port};",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/var/log/nginx/": f"{folder}/",
        "client_header_timeout 10s;": "client_header_timeout 1s;",
        "limit_conn vms_connections 256;": "limit_conn vms_connections 4;",
        "zone=vms_requests:10m rate=50r/s": "zone=vms_requests:10m rate=1r/s",
        "zone=vms_requests burst=200": "zone=vms_requests burst=30",
    }.items():
        assert shipped in text, f"the shipped configuration has no {shipped} any more"
        text = text.replace(shipped, ours)
    (folder / "vms.conf").write_text(text, encoding="utf-8")
    temporary = "".join(
        f"{kind}_temp_path {folder}/temporary-{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n"
        f"events {{ worker_connections 512; }}\nhttp {{\n{temporary}include {folder}/vms.conf;\n}}\n",
        encoding="utf-8",
    )


def make_certificate(folder: Path) -> None:
    """Write a key and a certificate that it signed itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now_at = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now_at - timedelta(days=1))
        .not_valid_after(now_at + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def test_pages_sign_in_and_live_pictures_come_through(front: Front) -> None:
    """And the ledger sees the browser's own address, whatever the browser says of it."""
    page = front.ask("127.0.0.3", "GET", "/sign-in")
    assert (page.status_code, page.headers.get_list("strict-transport-security")) == (200, ["max-age=31536000"])
    cookie = front.sign_in("127.0.0.3", **{"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"})
    assert cookie.startswith("__Host-"), "the API knows that the browser speaks TLS"
    with front.watch("127.0.0.3", cookie) as live:
        assert isinstance(live.recv(timeout=WITHIN_S), bytes)
    with front.house.parts.db.read() as conn:
        assert set(conn.execute(select(session.c.origin)).scalars()) == {"127.0.0.3"}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")  # what is old is the point
def test_only_our_name_over_a_modern_tls_gets_an_answer(front: Front) -> None:
    """Old protocols and other names fail before a byte of HTTP."""
    answer = httpx.get(f"http://127.0.0.1:{front.plain_port}/live?x=1", headers={"Host": NAME}, trust_env=False)
    assert (answer.status_code, answer.headers["location"]) == (308, f"https://{NAME}/live?x=1")
    with front.trust().wrap_socket(front.reach("127.0.0.4"), server_hostname=NAME) as modern:
        assert modern.version() == "TLSv1.3"
    old = front.trust()
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with front.reach("127.0.0.4") as plain, pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        old.wrap_socket(plain, server_hostname=NAME)
    with front.reach("127.0.0.4") as plain, pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        front.trust().wrap_socket(plain, server_hostname="other.test")


def test_a_large_body_is_refused_and_slow_headers_are_cut(front: Front) -> None:
    """Neither reaches the API."""
    large = front.ask("127.0.0.5", "POST", "/api/holds", content=b"x" * 300_000)
    assert (large.status_code, large.headers["strict-transport-security"]) == (413, "max-age=31536000")
    with front.trust().wrap_socket(front.reach("127.0.0.5"), server_hostname=NAME) as slow:
        slow.sendall(b"GET /sign-in HTTP/1.1\r\nHost: vms.test\r\n")
        assert slow.recv(1000) == b"", "nginx closes it"


def test_a_flood_from_one_address_leaves_the_others_alone(front: Front) -> None:
    """By requests a second, and by connections at once."""
    with front.client("127.0.0.6") as client:
        flood = [client.get("/api/health") for _ in range(100)]
    refused = [one for one in flood if one.status_code == 429]
    assert refused[-1].json()["error"]["code"] == "http.busy"
    assert front.ask("127.0.0.7", "GET", "/api/health").status_code == 200
    cookie = front.sign_in("127.0.0.8")
    with ExitStack() as held:
        watching = [held.enter_context(front.watch("127.0.0.8", cookie)) for _ in range(4)]
        with pytest.raises(InvalidStatus, match="429"), front.watch("127.0.0.8", cookie):
            pass
        assert front.ask("127.0.0.7", "GET", "/api/health").status_code == 200
        for live in watching:
            live.recv(timeout=WITHIN_S)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2:a::1", "2001:db8:1:2:b:c:d:e"),
        ("2001:db8:1::1:2:3", "2001:db8:1::9:2:3"),
        ("2001:db8::1", "2001:db8::2"),
    ],
)
def test_a_network_counts_as_one_address_also_where_zeros_are_left_out(one: str, other: str) -> None:
    """Whoever has a network has 2^64 addresses, each with limits of its own."""
    patterns = re.findall(r'^ {4}"~(.+)" \$vms_(?:network|short);$', SHIPPED.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(patterns) == 2

    def key(address: str) -> str:
        found = (re.search(pattern.replace("?<", "?P<"), address) for pattern in patterns)
        return next((match.group(1) for match in found if match), address)

    assert key(one) == key(other)
    assert key(one) != key("2001:db8:7::1")


def test_logs_hold_no_queries(front: Front) -> None:
    """Who looks for which case is in the ledger and nowhere else; also when nginx itself refuses."""
    with front.client("127.0.0.9") as client:
        statuses = {client.get("/api/ledger", params={"case": "geheim"}).status_code for _ in range(60)}
    assert statuses == {401, 429}
    until(lambda: '"/api/ledger" 429' in (front.folder / "vms-access.log").read_text(), 30, "it is logged")
    for log in front.folder.glob("*.log"):
        assert "geheim" not in log.read_text(), log
