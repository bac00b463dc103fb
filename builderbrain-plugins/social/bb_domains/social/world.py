"""A desk to act at: one on real networks by its accounts file, or a twin made for the occasion."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bb_domains.social.accounts_file import read_accounts
from bb_domains.social.atproto import AtprotoNetwork
from bb_domains.social.desk import Clock, Desk
from bb_domains.social.mail import MailNetwork
from bb_domains.social.mastodon import MastodonNetwork
from bb_domains.social.matrix import MatrixNetwork
from bb_domains.social.network import Network
from bb_domains.social.seed import canaries, changed, seed
from bb_domains.social.twin import TwinNetwork


def twin(changes: Mapping[str, Any]) -> Desk:
    """A desk of its own in this process: the seed state with `changes` laid over it."""
    given = dict(changes)
    scanner = str(given.pop("scanner", ""))
    state = changed(seed(), given)
    state["canaries"] = canaries(state)
    desk = Desk(state, {}, Clock(lambda: 0, lambda name: state["hours"][name]), scanner=scanner)
    networks = {
        name: TwinNetwork(desk.state, name, desk.handles) for name in desk.state["accounts"]
    }
    desk.networks = networks
    _give_handles(desk, networks)
    return desk


def _give_handles(desk: Desk, networks: Mapping[str, TwinNetwork]) -> None:
    """Every post keeps its name; people are met through posts, by the account spoken to."""
    for name, post in desk.state["posts"].items():
        _known(desk, networks[post["account"]], name)
        if post["user_id"] in desk.state["users"]:
            _known(desk, networks[post["account"]], post["user_id"])
    for name, report in desk.state["reports"].items():
        _known(desk, networks[desk.state["posts"][report["post_id"]]["account"]], name)
    for network in networks.values():
        if network.kind == "mail":
            for name in desk.state["messages"]:
                _known(desk, network, name)


def _known(desk: Desk, network: TwinNetwork, name: str) -> None:
    desk.handles.call(name, network.account, network.native(name))


NETWORKS: Mapping[str, Callable[[str, Mapping[str, str]], Network]] = {
    "atproto": AtprotoNetwork,
    "mail": MailNetwork,
    "mastodon": MastodonNetwork,
    "matrix": MatrixNetwork,
}


def connect(settings: Mapping[str, str]) -> Desk:
    """The desk of the accounts file `settings["accounts"]`; raises ToolError when it is not one."""
    path = Path(settings.get("accounts", "accounts.toml"))
    file = read_accounts(path)
    rules = {name: account.model_dump(mode="json") for name, account in file.accounts.items()}
    networks = {
        name: NETWORKS[account.network](name, account.settings)
        for name, account in file.accounts.items()
    }

    def hour(name: str) -> int:
        return int(time.time() // 3600 + file.accounts[name].utc_offset) % 24

    state = {
        "accounts": rules,
        "contacts": {name: contact.model_dump() for name, contact in file.contacts.items()},
        "canaries": list(file.canaries),
    }
    kept = path.parent / file.desk if file.desk else None
    clock = Clock(lambda: int(time.time()), hour)
    return Desk(state, networks, clock, file=kept, scanner=file.scanner)
