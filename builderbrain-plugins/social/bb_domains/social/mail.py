"""Mail: out by SMTP, in from a Maildir, both of the standard library.

A mail's Message-ID is made from the intent, so a second copy after a lost answer is one mail to
every reader that knows ids. A password goes to a server of this machine, or to one whose
certificate is good. Not covered: a server that accepts and then loses; bounces; without `tls`, who
reads the mail on its way.
"""

import email
import email.policy
import mailbox
import os
import smtplib
import ssl
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from ipaddress import ip_address
from pathlib import Path

from bb_core.errors import ToolError, ToolFault
from bb_domains.social.network import Message, Unable
from bb_domains.social.readable import readable

LONGEST = 2000


class MailNetwork(Unable):
    """One mailbox. Settings: host, port, address, inbox (a Maildir), user, password_env, tls.

    tls: `starttls`, or empty. ca_file: certificates to trust in place of the system's.
    """

    kind = "mail"

    def __init__(self, account: str, settings: Mapping[str, str]) -> None:
        self.account, self.settings = account, settings
        missing = [name for name in ("host", "address") if not settings.get(name)]
        if missing:
            fix = f"add {missing[0]} = '…' to its settings"
            raise ToolError("unavailable", f"no {missing[0]} is set", where=account, fix=fix)
        tls = settings.get("tls", "")
        if tls not in ("", "starttls") or (settings.get("user") and not tls and not self._near()):
            found = f"tls is {tls!r}" + ("" if tls else ", and the password would go unencrypted")
            raise ToolError("unavailable", found, where=account, fix="set tls = 'starttls'")

    def mail(self, address: str, subject: str, body: str, key: str, timeout_s: float) -> None:
        """Hand one mail to the server."""
        message = EmailMessage(policy=email.policy.SMTP)
        message["From"], message["To"] = self.settings["address"], address
        message["Subject"] = " ".join(subject.split())
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = (
            f"<{key[:40]}@{parseaddr(self.settings['address'])[1].partition('@')[2]}>"
        )
        message.set_content(body)
        try:
            smtp = self._open(timeout_s)
        except (OSError, smtplib.SMTPException) as error:
            raise ToolError(
                "unavailable", f"no mail server: {error}", where=self.account
            ) from error
        try:
            self._hand_over(smtp, message)
        finally:
            _leave(smtp)

    def _open(self, timeout_s: float) -> smtplib.SMTP:
        host, port = self.settings["host"], int(self.settings.get("port", "25"))
        smtp = smtplib.SMTP(host, port, timeout=timeout_s)
        if self.settings.get("tls") == "starttls":
            trusted = ssl.create_default_context(cafile=self.settings.get("ca_file") or None)
            smtp.starttls(context=trusted)
        if user := self.settings.get("user"):
            smtp.login(user, os.environ.get(self.settings.get("password_env", ""), ""))
        return smtp

    def _near(self) -> bool:
        """Whether the server is on this machine."""
        host = self.settings["host"]
        try:
            return host == "localhost" or ip_address(host).is_loopback
        except ValueError:
            return False

    def _hand_over(self, smtp: smtplib.SMTP, message: EmailMessage) -> None:
        try:
            smtp.send_message(message)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused) as error:
            raise ToolError(
                "invalid", "the server refuses the address", where=self.account
            ) from error
        except smtplib.SMTPResponseException as error:
            # An answer of the server's own, so it has not taken the mail.
            kind: ToolFault = "unavailable" if error.smtp_code < 500 else "denied"
            raise ToolError(
                kind, f"the server said {error.smtp_code}", where=self.account
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            raise ToolError("timeout_unknown", f"no answer: {error}", where=self.account) from error

    def inbox(self, timeout_s: float) -> list[Message]:
        """The mails in the Maildir, newest first; what no mail can be read of is left out."""
        folder = self.settings.get("inbox", "")
        if not folder or not Path(folder).is_dir():
            fix = "set inbox = '…' to a Maildir"
            raise ToolError("unavailable", f"inbox is {folder!r}", where=self.account, fix=fix)
        box = mailbox.Maildir(folder, create=False)

        def dated(key: str) -> tuple[float, Message]:
            return box.get_message(key).get_date(), _read(box.get_bytes(key))

        found = sorted(readable(box.keys(), dated), key=lambda row: row[0], reverse=True)
        return [message for _, message in found]


def _leave(smtp: smtplib.SMTP) -> None:
    """Go, whatever the server says to it: what it took it has taken."""
    try:
        smtp.quit()
    except (OSError, smtplib.SMTPException):
        smtp.close()


def _read(raw: bytes) -> Message:
    """A mail's sender, subject and plain text; what it lacks, or nobody can read, is empty."""
    mail = email.message_from_bytes(raw, policy=email.policy.default)

    def field(name: str) -> str:
        return _lenient(lambda: str(mail[name] or "")).strip()

    def body() -> str:
        part = mail.get_body(preferencelist=("plain",))
        return str(part.get_content()) if part else ""

    name, address = parseaddr(field("From"))
    if "@" not in address:
        address = ""
    ident = field("Message-ID") or f"{field('Date')} {address}"
    return Message(ident, address, name, field("Subject"), _lenient(body)[:LONGEST].strip())


def _lenient(read: Callable[[], str]) -> str:
    """What is read, as text that can be written; empty where the standard library gives up."""
    try:
        return read().encode("utf-8", "replace").decode()
    except Exception:  # its parser documents no errors, and raises what a header makes it raise
        return ""
