"""What a domain's own code raises is told with the line of the domain that raised it."""

from typing import Any

import pytest

from bb_core import discover
from bb_core.adapters import Call
from bb_core.compiled import compile_domain
from bb_core.errors import DomainError, ToolError
from bb_core.registry import guarded
from bb_runtime.call import call_tool

FILE = "/somewhere/bb_domains/shelf/tool_adapters.py"


def ran(text: str, module: str = "bb_domains.shelf.tool_adapters") -> dict[str, Any]:
    """The names of a module of this text."""
    names: dict[str, Any] = {"__name__": module}
    exec(compile(text, FILE, "exec"), names)
    return names


def test_the_line_of_a_module_that_cannot_be_imported_is_told() -> None:
    with pytest.raises(DomainError) as caught, guarded("shelf"):
        ran("import json\nADAPTERS = nothing\n")
    said = "shelf: NameError: name 'nothing' is not defined (shelf/tool_adapters.py:2)"
    assert str(caught.value) == said


def test_the_line_is_the_domains_own_where_what_it_calls_raised() -> None:
    with pytest.raises(DomainError, match=r" \(shelf/tool_adapters\.py:3\)$"), guarded("shelf"):
        ran("import json\n\njson.loads('{')\n")


def test_of_other_code_no_line_is_told() -> None:
    with pytest.raises(DomainError, match=r"is not defined$"), guarded("shelf"):
        ran("nothing", "elsewhere")


def test_the_line_of_an_adapter_is_told_on_one_line_with_the_message() -> None:
    text = "def adapter(args, call):\n    raise AttributeError('no\\nsuch thing')\n"
    spec = compile_domain(discover().get("api_json")).schema.tools["get_order"]
    with pytest.raises(ToolError) as caught:
        call_tool(ran(text)["adapter"], {}, Call(None, "n1", "k", 5.0), spec, backoff_s=0.0)
    said = "the adapter raised AttributeError: no such thing (shelf/tool_adapters.py:2)"
    assert str(caught.value) == f"n1: {said}"
