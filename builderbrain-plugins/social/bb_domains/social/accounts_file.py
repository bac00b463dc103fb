"""The accounts file: who we are, where, and by which rules we speak.

    desk = "desk.json"                     # where drafts, handles and what was sent are kept
    scanner = "presidio"                   # the second scanner; leave it out to do without
    canaries = ["quartz-heron-41"]         # planted in private places; must never go out

    [accounts."@press_mail"]
    network = "mail"
    widest = "direct"
    link_hosts = ["town.example"]
    settings = {host = "localhost", port = "25", address = "press@town.example", inbox = "Maildir"}

    [contacts.c-001]
    name = "Harbour Gazette"
    address = "desk@gazette.example"
    may_mail = true

Passwords and tokens are named by the environment variable that holds them, never written here.
"""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bb_core.errors import ToolError
from bb_domains.social.network import Visibility


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Account(_Model):
    """One account of ours, and its community's rules."""

    network: Literal["mastodon", "atproto", "matrix", "mail"]
    widest: Visibility = "direct"
    max_chars: int = Field(default=500, ge=1)
    max_per_hour: int = Field(default=6, ge=0)
    quiet_from: int = Field(default=22, ge=0, le=23)
    quiet_to: int = Field(default=7, ge=0, le=23)
    utc_offset: int = Field(default=0, ge=-12, le=14)
    moderates: bool = False
    link_hosts: tuple[str, ...] = ()
    settings: dict[str, str] = {}


class Contact(_Model):
    """Somebody we may write to."""

    name: str
    address: str
    may_mail: bool = False


class AccountsFile(_Model):
    """The whole file."""

    desk: str = ""
    scanner: Literal["", "presidio"] = ""
    canaries: tuple[str, ...] = ()
    accounts: dict[str, Account]
    contacts: dict[str, Contact] = {}


def read_accounts(path: Path) -> AccountsFile:
    """The file; raises ToolError that says where it is wrong and never shows a value."""
    try:
        return AccountsFile.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        found = error.strerror or "cannot be read"
        raise ToolError(
            "unavailable", found, where=str(path), fix="set accounts to a file"
        ) from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ToolError("unavailable", f"{place}: {first['msg']}", where=str(path)) from error
    except (ValueError, UnicodeError) as error:
        raise ToolError("unavailable", f"is not TOML: {error}", where=str(path)) from error
