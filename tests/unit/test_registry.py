"""The registry: what a name is, who has it, what a hook may answer."""

import time
from pathlib import Path
from typing import Any

import pytest

from bb_core.deadline import PATIENCE, TooSlow, within
from bb_core.errors import DomainError
from bb_core.hooks import API, DomainSpec, hookimpl
from bb_core.registry import Registered, Registry, discover, guarded, printable
from bb_core.schema import PlanSchema

HOOKS = [name for name in vars(DomainSpec) if not name.startswith("_")]
README = Path(__file__).parents[2] / "builderbrain-core" / "README.md"


class Small:
    """A domain written by hand."""

    api = API

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    @hookimpl
    def grammar(self) -> Any:
        return self.answers.get("grammar")

    @hookimpl
    def plan_schema(self) -> Any:
        return self.answers.get("plan_schema")

    @hookimpl
    def eval_battery(self) -> Any:
        return self.answers.get("eval_battery")


def registered(**answers: Any) -> Registered:
    return Registered("small", "1", "small-dist", Small(**answers))


def test_the_installed_domain_is_found() -> None:
    found = discover().get("api_json")
    assert (found.dist, found.error) == ("builderbrain-api-json", "")
    assert isinstance(found.ask("plan_schema"), PlanSchema)


def test_an_unknown_name_says_what_is_installed() -> None:
    registry = Registry((registered(), Registered("odd", "", "", error="why")))
    with pytest.raises(DomainError) as caught:
        registry.get("Ware House")
    assert str(caught.value) == ("no domain 'Ware House'; installed: small. See: bb domains list")
    with pytest.raises(DomainError, match=r"^odd: why$"):
        registry.get("odd")


@pytest.mark.parametrize("name", ["smal", "smalll", "Small", "smell"])
def test_a_slip_of_the_pen_is_no_invitation_to_install_a_strangers_package(name: str) -> None:
    with pytest.raises(DomainError) as caught:
        Registry((registered(),)).get(name)
    assert "pip install" not in str(caught.value)
    assert str(caught.value).endswith("installed: small. Did you mean small?")


def test_a_domain_that_lies_here_is_installed_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "builderbrain-ware-house").mkdir()
    (tmp_path / "builderbrain-ware-house" / "pyproject.toml").write_text("")
    with pytest.raises(DomainError, match=r"Run: pip install -e \./builderbrain-ware-house$"):
        Registry((registered(),)).get("ware_house")


def test_an_optional_hook_may_be_left_unanswered() -> None:
    assert registered().ask("eval_battery") is None
    assert registered().ask("tool_adapters") is None


@pytest.mark.parametrize(
    ("hook", "answer", "said"),
    [
        ("grammar", None, "small: grammar() gave NoneType, not Grammar"),
        ("plan_schema", {"a": 1}, "small: plan_schema() gave dict, not PlanSchema"),
        ("eval_battery", "tasks", "small: eval_battery() gave str, not a sequence of Task"),
        ("eval_battery", [1], "small: eval_battery() gave int, not a sequence of Task"),
    ],
)
def test_an_answer_of_the_wrong_type_is_refused(hook: str, answer: Any, said: str) -> None:
    with pytest.raises(DomainError) as caught:
        registered(**{hook: answer}).ask(hook)
    assert str(caught.value) == said


def test_a_schema_of_another_domain_is_refused() -> None:
    schema = PlanSchema(plan_schema=1, domain="other", tools={})
    with pytest.raises(DomainError, match="says domain: other, the entry point says small"):
        registered(plan_schema=schema).ask("plan_schema")


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_explained(hook: str) -> None:
    assert f"`{hook}`" in README.read_text("utf-8")


def test_what_a_plugin_prints_stays_out_of_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with guarded("somewhere"):
        print("noise")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "noise\n")


def test_ctrl_c_is_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt), guarded("somewhere"):
        raise KeyboardInterrupt


def test_a_message_that_cannot_be_shown_is_survived() -> None:
    class Rude(Exception):
        def __str__(self) -> str:
            raise ValueError

    with pytest.raises(DomainError, match="its message cannot be shown"), guarded("somewhere"):
        raise Rude


def test_a_deadline_rings_and_is_put_away() -> None:
    with pytest.raises(TooSlow), within(0.05):
        while True:
            pass
    with within(0.05):
        pass


def test_a_machine_that_makes_code_wait_is_not_its_fault_and_sleeping_is() -> None:
    with within(1.0):
        time.sleep(1.2)
    with pytest.raises(TooSlow, match=r"^took longer than 0.3 s$"), within(0.3 / PATIENCE):
        time.sleep(30)


def test_what_takes_too_long_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BB_LOAD_SECONDS", "0.1")
    wanted = r"x: took longer than 0\.\d s( of computing)?\. If .* allow more with BB_LOAD_SECONDS"
    with pytest.raises(DomainError, match=wanted), guarded("x"):
        while True:
            pass


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nb", "a b"),
        ("\x1b[2Jx", "\\x1b[2Jx"),
        ("x" * 9, "xxxx…"),
        ("\u202ex", "\\u202e"[:4] + "…"),
    ],
)
def test_a_strangers_text_is_one_safe_line(text: str, line: str) -> None:
    assert printable(text, 5 if len(text) == 9 or "\u202e" in text else 240) == line
