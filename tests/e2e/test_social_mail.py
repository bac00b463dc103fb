"""Mail by a real SMTP server into a real Maildir, and back out of it."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bb_core import discover
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.errors import ToolError
from bb_core.state import State
from bb_core.verdict import Checked
from bb_domains.social.desk import Desk
from bb_domains.social.mail import MailNetwork
from bb_domains.social.tool_adapters import ADAPTERS
from bb_domains.social.world import connect
from bb_runtime.approve import by_policy
from bb_runtime.execute import execute
from bb_runtime.outcome import RunResult

controller = pytest.importorskip(
    "aiosmtpd.controller", reason="pip install 'builderbrain-social[test]'"
)
handlers = pytest.importorskip("aiosmtpd.handlers")
smtp = pytest.importorskip("aiosmtpd.smtp")
FILE = """
canaries = ["quartz-heron-41"]
desk = "desk.json"
[accounts."@press"]
network = "mail"
quiet_from = 0
quiet_to = 0
max_per_hour = 3
link_hosts = ["town.example"]
settings.host = "127.0.0.1"
settings.port = "{port}"
settings.address = "Town press <press@town.example>"
settings.inbox = "{inbox}"
[contacts.c-001]
name = "Harbour Gazette"
address = "desk@gazette.example"
may_mail = true
"""


class Door(handlers.Mailbox):  # type: ignore[misc,name-defined]
    """Delivers into a Maildir; turns some addresses away as servers do."""

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, to: str, options: Any
    ) -> str:
        if to.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if b"try again" in envelope.content:
            return "451 busy"
        return str(await super().handle_DATA(server, session, envelope))


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Any]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = controller.Controller(Door(tmp_path / "Maildir"), hostname="127.0.0.1", port=port)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[tuple[Any, Path, list[bytes]]]:
    """A server that takes a name and a password once the line is encrypted; its certificate.

    The last are the passwords that it was given.
    """
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    key, now = Ed25519PrivateKey.generate(), datetime.now(UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    )
    built = (
        built.serial_number(1)
        .not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
    )
    built = built.add_extension(host, False)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    certificate, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(built.sign(key, None).public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, private)
    given: list[bytes] = []

    def enter(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        given.append(data.password)
        return smtp.AuthResult(success=True)

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = controller.Controller(
        Door(tmp_path / "Maildir"), hostname="127.0.0.1", port=port, tls_context=context,
        authenticator=enter,
    )  # fmt: skip
    running.start()
    yield running, certificate, given
    running.stop()


@pytest.fixture
def desk(tmp_path: Path, door: Any) -> Iterator[Desk]:
    file = tmp_path / "accounts.toml"
    file.write_text(FILE.format(port=door.port, inbox=tmp_path / "Maildir"))
    desk = connect({"accounts": str(file)})
    yield desk
    desk.close()


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_domain(discover().get("social"))


def mail(text: str, subject: str = "Opening", contact: Any = None) -> list[Any]:
    look = {
        "id": "n2",
        "tool": "find_contact",
        "args": {"name": "Harbour Gazette"},
        "after": ["n1"],
    }
    if contact:
        look = {"id": "n2", "tool": "get_contact", "args": {"contact_id": contact}, "after": ["n1"]}
    args = {
        "account": "@press",
        "contact_id": contact or {"$ref": "n2/contact_id"},
        "draft_id": {"$ref": "n3/draft_id"},
        "subject": subject,
        "body": {"$ref": "n3/body"},
    }
    return [
        {"id": "n1", "tool": "get_account", "args": {"account": "@press"}},
        look,
        {"id": "n3", "tool": "draft", "args": {"account": "@press", "text": text}, "after": ["n1"]},
        {"id": "n4", "tool": "review", "args": {"question": "Send?"}, "after": ["n2", "n3"]},
        {"id": "n5", "tool": "send_mail", "args": args, "after": ["n4"]},
    ]


def run(compiled: Compiled, desk: Desk, steps: list[Any]) -> RunResult:
    verdict = check(compiled, compiled.read(steps), State(request="a test"))
    assert isinstance(verdict, Checked), verdict
    return execute(verdict, ADAPTERS, desk, approve=by_policy(lambda request: True))


def test_a_mail_arrives_and_its_answer_goes_to_whoever_wrote(
    compiled: Compiled, desk: Desk
) -> None:
    assert run(compiled, desk, mail("The opening is at noon.\nGrüße 🌊")).status == "done"
    (arrived,) = desk.network("@press").inbox(5)
    assert (arrived.subject, arrived.text) == ("Opening", "The opening is at noon.\nGrüße 🌊")
    assert (arrived.name, arrived.address) == ("Town press", "press@town.example")
    seen = run(
        compiled,
        desk,
        [
            {"id": "n1", "tool": "get_account", "args": {"account": "@press"}},
            {"id": "n2", "tool": "fetch_inbox", "args": {"account": "@press"}, "after": ["n1"]},
        ],
    )
    sender = seen.results["n2"]["messages"][0]["contact_id"]  # type: ignore[index,call-overload]
    assert run(compiled, desk, mail("Thank you.", "Re", contact=sender)).status == "done"
    assert len(desk.network("@press").inbox(5)) == 2


def test_the_same_intent_is_one_mail_even_for_a_desk_that_was_away(
    compiled: Compiled, desk: Desk, tmp_path: Path
) -> None:
    run(compiled, desk, mail("Once."))
    again = run(compiled, desk, mail("Once."))
    assert "G.unsent" in again.outcomes["n5"].why
    desk.close()
    back = connect({"accounts": str(tmp_path / "accounts.toml")})
    assert "G.unsent" in run(compiled, back, mail("Once.")).outcomes["n5"].why
    assert len(back.network("@press").inbox(5)) == 1
    back.close()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("The word is Quartz-Heron-41.", "G.secret"),
        ("Write to DESK@gazette.example", "G.secret"),
        ("See https://win.example", "G.links"),
    ],
)
def test_nothing_of_ours_and_no_strange_link_goes_out(
    compiled: Compiled, desk: Desk, text: str, rule: str
) -> None:
    result = run(compiled, desk, mail(text))
    assert rule in str([out.why for out in result.outcomes.values()]), result.outcomes
    assert desk.network("@press").inbox(5) == []


@pytest.mark.parametrize(
    ("subject", "rule"),
    [
        ("The word: Quartz-Heron-41", "G.secret"),
        ("For DESK@gazette.example", "G.secret"),
        ("See https://win.example", "G.links"),
        ("About win.example", "G.links"),
    ],
)
def test_what_may_not_be_in_a_mail_may_not_be_in_its_subject(
    compiled: Compiled, desk: Desk, subject: str, rule: str
) -> None:
    sent = run(compiled, desk, mail("All is well.", subject)).outcomes["n5"]
    assert sent.status != "done" and rule in sent.why, sent
    assert desk.network("@press").inbox(5) == []
    fine = mail("All is well.", "News, see https://town.example/a")
    assert run(compiled, desk, fine).status == "done"


def test_three_mails_an_hour(compiled: Compiled, desk: Desk) -> None:
    assert [run(compiled, desk, mail(text)).status for text in ("One.", "Two.", "Three.")] == [
        "done"
    ] * 3
    assert "G.rate" in run(compiled, desk, mail("Four.")).outcomes["n5"].why


def test_what_the_server_says_is_said_exactly(desk: Desk) -> None:
    network = desk.network("@press")
    with pytest.raises(ToolError) as caught:
        network.mail("nobody@gazette.example", "Hi", "Hello.", "k" * 64, 5)
    assert caught.value.kind == "invalid"
    with pytest.raises(ToolError) as caught:
        network.mail("desk@gazette.example", "Hi", "try again", "k" * 64, 5)
    assert caught.value.kind == "unavailable"


def test_no_server_and_no_setting_are_said_before_anything_is_sent() -> None:
    with pytest.raises(ToolError, match="no host is set"):
        MailNetwork("@press", {"address": "a@town.example"})
    network = MailNetwork("@press", {"host": "127.0.0.1", "port": "1", "address": "a@town.example"})
    with pytest.raises(ToolError) as caught:
        network.mail("b@town.example", "Hi", "Hello.", "k" * 64, 1)
    assert caught.value.kind == "unavailable"
    with pytest.raises(ToolError, match="to a Maildir"):
        network.inbox(1)


def test_a_subject_cannot_carry_a_header_along(desk: Desk, tmp_path: Path) -> None:
    desk.network("@press").mail(
        "desk@gazette.example", "Hi\r\nBcc: all@town.example", "x", "k" * 64, 5
    )
    (arrived,) = desk.network("@press").inbox(5)
    assert arrived.subject == "Hi Bcc: all@town.example"


def test_a_password_goes_to_whoever_has_a_good_certificate(
    locked: tuple[Any, Path, list[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, certificate, given = locked
    monkeypatch.setenv("MAIL_PASSWORD", "heron")
    told = {
        "host": "127.0.0.1",
        "port": str(server.port),
        "address": "a@town.example",
        "inbox": str(tmp_path / "Maildir"),
        "user": "press",
        "password_env": "MAIL_PASSWORD",
        "tls": "starttls",
    }
    with pytest.raises(ToolError, match="certificate verify failed") as caught:
        MailNetwork("@press", told).mail("b@town.example", "Hi", "Hello.", "k" * 64, 5)
    assert caught.value.kind == "unavailable" and given == []
    good = MailNetwork("@press", {**told, "ca_file": str(certificate)})
    good.mail("b@town.example", "Hi", "Hello.", "k" * 64, 5)
    assert given == [b"heron"] and len(good.inbox(5)) == 1


def test_no_password_is_sent_in_the_open() -> None:
    told = {"host": "mail.town.example", "address": "a@town.example", "user": "press"}
    with pytest.raises(ToolError, match=r"unencrypted. Set tls = 'starttls'"):
        MailNetwork("@press", told)
    with pytest.raises(ToolError, match="tls is 'on'"):
        MailNetwork("@press", {**told, "tls": "on"})
    MailNetwork("@press", {**told, "tls": "starttls"})
    MailNetwork("@press", {**told, "host": "127.0.0.1"})


def test_a_mail_that_was_taken_is_taken_however_the_server_says_goodbye(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rude(self: Any, arg: Any) -> None:
        await self.push("421 bye")
        self.transport.close()

    monkeypatch.setattr(smtp.SMTP, "smtp_QUIT", rude)
    desk.network("@press").mail("desk@gazette.example", "Hi", "Hello.", "k" * 64, 5)
    assert len(desk.network("@press").inbox(5)) == 1
