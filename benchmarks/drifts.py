"""A schedule by which the shop's requests and policy drift; what came before goes on.

    as trained    requests as the rail was trained for
    codes         nine of ten requests come in a call centre's codes, one for each of 27 words
    new policy    money goes to gift cards only (the shop's own switch, its tools refuse the rest),
                  every cancellation is booked as ordered by mistake, every credit as goodwill
    German words  nine of ten requests have German words for the commonest English ones instead

Which requests wear which wording is drawn once for each, so a phase differs from the one before in
what drifted and in nothing else. The outcome a task asks for under the new policy is found by
carrying its new plan out on a twin that has the policy.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from served import Site

from bb_core.plan import to_json
from bb_core.scene import Scene
from bb_runtime.trial import attempt
from bb_train.example import Example

PHASES = ("as trained", "codes", "new policy", "German words")
GIFT_CARDS_ONLY = {"refund_methods": {"original": False}}
_WORD = re.compile(r"(?<![\w@.\-'])[A-Za-z][a-z']+(?![\w@]|[.\-]\w)")
"""Words; no part of an e-mail address, an id or an amount."""

_CODES = """cancel cxl, cancelled cxd, exchange xch, swap swx, change chx, switch swt, refund rfd,
credit crx, goodwill gwl, address adr, capture cpx, charge chq, collect clq, payment pmt, return
rma, redirect rdx, instead ilo, needed ndx, need nxd, mistake mtk, damaged dmx, late ltx, original
ogx, gift gfx, item sku, order sox, parcel pcx"""
_GERMAN = """cancel storniere, cancelled storniert, exchange tausche, refund erstatte, order
Bestellung, item Artikel, please bitte, address Adresse, payment Zahlung, account Konto, credit
Guthaben, return retourniere, goodwill Kulanz, gift Geschenk, card Karte, original urspruenglich,
parcel Paket, pending offen, wrong falsch, money Geld, damaged beschaedigt, late spaet, total Summe,
capture buche, charge belaste, full volle, redirect umleiten, mistake Versehen, needed gebraucht,
instead stattdessen, back zurueck, change aendere, send sende, from von, for fuer, and und, the das,
to zu, my mein, is ist, with mit, it es, would wuerde, like moechte, can kann, you Sie, not nicht,
this dies, that jenes, want will, wants will, then dann, after nach, could koennte, was war, has
hat, have habe, be werden, on auf, of der, we wir, should soll, get bekommen, new neu, old alt,
no kein, or oder, if wenn, customer Kunde, ordered bestellt, deliver liefere, delivery Lieferung,
reason Grund, check pruefe, tell sage, which welche, pay zahle, paid bezahlt, store Laden"""


def _words(text: str) -> dict[str, str]:
    flat = text.split()
    return dict(zip(flat[::2], (word.rstrip(",") for word in flat[1::2]), strict=True))


CODES, GERMAN = _words(_CODES), _words(_GERMAN)


@dataclass(frozen=True, slots=True)
class Phase:
    """What holds in one phase of so many requests: nine of ten have `words` exchanged."""

    name: str
    requests: int
    words: Mapping[str, str]
    policy: bool = False


SHARE = 0.9
SCHEDULE = (
    Phase(PHASES[0], 100, {}),
    Phase(PHASES[1], 450, CODES),
    Phase(PHASES[2], 450, CODES, policy=True),
    Phase(PHASES[3], 600, GERMAN, policy=True),
)


def drifted(at: Site, example: Example, phase: Phase) -> Example:
    """An example as it comes in a phase, its clauses forgotten: nobody marks them for a server."""
    lot = Random(f"lot/{example.digest}").random()
    example = reworded(example, phase.words if lot < SHARE else {})
    return repoliced(at, example) if phase.policy else example


def reworded(example: Example, words: Mapping[str, str]) -> Example:
    """The example with its request in other words: same plan, same task."""

    def other(found: re.Match[str]) -> str:
        word = found[0]
        new = words.get(word.lower(), word) if word[1:].islower() else word
        return new[0].upper() + new[1:] if word[0].isupper() else new

    text = _WORD.sub(other, example.scene.text)
    seen = Scene(text, len(text), example.scene.facts)
    task = example.task and replace(example.task, prompt=text)
    return replace(example, scene=seen, clauses=(), task=task)


def repoliced(at: Site, example: Example) -> Example:
    """The example under the new policy; as before where the policy has nothing to say of it."""
    assert example.task is not None
    steps = []
    for step in example.plan.steps:
        args = dict(step.args)
        if step.tool == "cancel_order":
            args["reason"] = "ordered_by_mistake"
        if step.tool == "create_refund":
            args["method"] = "gift_card"
        if step.tool == "issue_credit":
            args["reason"] = "goodwill"
        steps.append(replace(step, args=args))
    plan = replace(example.plan, steps=tuple(steps))
    before = example.task.world.get("policy", {})
    world = {**example.task.world, "policy": {**before, **GIFT_CARDS_ONLY}}
    name = f"{example.task.id}@policy"
    task = replace(example.task, id=name, world=world, rounds=(to_json(plan),))
    tried = attempt(at.here.domain, at.adapters, task, [plan])
    if tried.caught in ("static", "guards", "tools", "infra"):
        raise ValueError(f"{example.id} cannot be done under the new policy: {tried.why}")
    return replace(example, plan=plan, task=replace(task, diff=tried.diff))
