"""A domain kept as files: what each file answers, and which files are not read."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from bb_core import discover
from bb_core.battery_file import read_battery
from bb_core.errors import DomainError
from bb_core.folder import FILES, FolderDomain
from bb_core.golden_file import read_golden
from bb_core.skin_file import read_skins


@pytest.fixture
def domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderDomain:
    """An empty folder as a domain."""
    module = ModuleType("tmp_domain")
    module.__file__ = str(tmp_path / "shop" / "__init__.py")
    (tmp_path / "shop").mkdir()
    monkeypatch.setitem(sys.modules, "tmp_domain", module)
    return FolderDomain("tmp_domain")


def put(domain: FolderDomain, name: str, text: str | bytes) -> None:
    path = domain.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def test_a_name_that_is_no_package() -> None:
    with pytest.raises(DomainError, match=r"FolderDomain\(__name__\)"):
        FolderDomain("not.there")


def test_what_is_left_out_is_empty(domain: FolderDomain) -> None:
    assert domain.eval_battery() == ()
    assert domain.invariance_skins() == []
    assert domain.golden().accept == domain.golden().refuse == ()


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ("grammar", "shop/grammar.lark: is missing. Add grammar.lark"),
        ("plan_schema", "shop/plan_schema.yaml: is missing. Add plan_schema.yaml"),
        ("tool_adapters", "shop/tool_adapters.py: is missing. Add tool_adapters.py"),
    ],
)
def test_what_must_be_there_says_so(domain: FolderDomain, hook: str, said: str) -> None:
    with pytest.raises(DomainError) as caught:
        getattr(domain, hook)()
    assert str(caught.value) == said


def test_the_fingerprint_follows_every_file(domain: FolderDomain) -> None:
    seen = {domain.fingerprint()}
    for name in FILES:
        put(domain, name, "x")
        seen.add(domain.fingerprint())
        put(domain, name, "y")
        seen.add(domain.fingerprint())
    assert len(seen) == 1 + 2 * len(FILES)


def test_the_fingerprint_does_not_depend_on_the_place(domain: FolderDomain) -> None:
    put(domain, "grammar.lark", "plan: x")
    before = domain.fingerprint()
    domain.folder = domain.folder.rename(domain.folder.with_name("moved"))
    assert domain.fingerprint() == before


BATTERY = """\
tasks:
  - id: one
    prompt: Refund my mug.
    rounds: [[{id: n1, tool: look, args: {id: W1}}]]
    diff: {/orders/W1/status: refunded}
    tags: [refund]
"""


def test_a_task_and_its_skins() -> None:
    (task,) = read_battery(BATTERY, "battery.yaml")
    assert task.rounds == ({"steps": [{"id": "n1", "tool": "look", "args": {"id": "W1"}}]},)
    skins = read_skins(
        "skins:\n"
        "  - {name: polite, kind: invariant, before: 'Hello. ', replace: {mug: cup, fund: x}}\n"
        "  - {name: other, kind: equivariant, tools: {look: see}, values: {W1: W2}}\n"
        "  - {name: trap, kind: trap, tasks: {one: {prompt: Keep it., expect: refuse, rule: X}}}\n"
        "  - {name: none, kind: invariant, tags: [credit], before: x}\n",
        "skins.yaml",
    )
    polite, other, trap, none = (skin.apply(task) for skin in skins)
    assert polite is not None
    assert (polite.prompt, polite.rounds) == ("Hello. Refund my cup.", task.rounds)
    assert other is not None
    assert other.rounds == ({"steps": [{"id": "n1", "tool": "see", "args": {"id": "W2"}}]},)
    assert other.diff == {"/orders/W2/status": "refunded"}
    assert trap is not None
    assert (trap.prompt, trap.rounds, trap.expect, trap.diff) == ("Keep it.", (), "refuse", {})
    assert none is None


BAD_FILES = [
    (read_battery, "tasks: {}", "f:1: 'tasks' must be a list, found a mapping"),
    (read_battery, "tasks:\n- {id: a}", "f:2: task has no 'prompt'"),
    (
        read_battery,
        "tasks:\n- {id: a, prompt: b, ru: 1}",
        "f:2: unknown key 'ru'. Known: also, diff, ",
    ),
    (read_battery, "tasks:\n- &a {id: a, prompt: b}\n- *a", "f:3: task id 'a' is here twice"),
    (read_battery, "tasks:\n- {id: a, prompt: b, expect: x}", "f:2: 'expect' is 'x'. Use done"),
    (read_battery, "tasks:\n- {id: a, prompt: b, diff: 3}", "f:2: 'diff' must be a mapping, found"),
    (read_skins, "skins:\n- {name: a, kind: b}", "f:2: skin 'a' is of kind 'b'. Use invariant"),
    (read_skins, "skins:\n- {kind: trap}", "f:2: skin has no 'name'"),
    (
        read_skins,
        "skins:\n- {name: a, kind: invariant, tools: {x: y}}",
        "f:2: skin 'a' is invariant and renames tools",
    ),
    (read_golden, "accept:\n- {name: a}", "f:2: case 'a' needs either 'plan' or 'text'"),
    (read_golden, "refuse:\n- {name: a, text: b}", "f:2: case 'a' does not say which rule"),
    (read_golden, "accept:\n- {plan: []}", "f:2: case has no 'name'"),
    (read_golden, "reject: []", "f:1: unknown key 'reject'. Known: accept, refuse"),
]


@pytest.mark.parametrize(("read", "text", "said"), BAD_FILES)
def test_a_bad_file_names_its_line(read: object, text: str, said: str) -> None:
    with pytest.raises(DomainError) as caught:
        read(text, "f")  # type: ignore[operator]
    assert str(caught.value).startswith(said)


def test_the_shop_answers_every_hook() -> None:
    shop = discover().get("api_json")
    for hook in (
        "grammar",
        "plan_schema",
        "tool_adapters",
        "invariance_skins",
        "eval_battery",
        "ops_metrics",
    ):
        assert shop.ask(hook)


def test_a_grammar_may_be_a_peg(domain: FolderDomain) -> None:
    put(domain, "grammar.peg", 'plan <- "a" / "b"')
    grammar = domain.grammar()
    assert (grammar.text.split("\n", 1)[1], grammar.source) == (
        'plan: "a" | "b"\n',
        "shop/grammar.peg",
    )


def test_a_domain_has_one_grammar(domain: FolderDomain) -> None:
    put(domain, "grammar.peg", 'plan <- "a"')
    put(domain, "grammar.lark", 'plan: "a"')
    with pytest.raises(DomainError, match=r"both grammar\.lark and grammar\.peg"):
        domain.grammar()
