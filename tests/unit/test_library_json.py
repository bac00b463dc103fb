"""A library as JSON: it comes back as it was, and what is none is refused."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bb_nn.errors import LibraryError
from bb_nn.programs.library import Library, Record, from_json, promoted, to_json, used

LIBRARY = Library(tuple(Record(name, (name,), "sha256:0", 10) for name in ("look", "pay", "tell")))


def test_a_library_survives_json() -> None:
    library = used(promoted(LIBRARY), {"look": 0.75, "pay": 0.25})
    first, *others = library.records
    library = replace(library, records=(replace(first, serves=("see", "watch")), *others))
    again = from_json(json.loads(json.dumps(to_json(library))))
    assert again == library
    assert again.digest == library.digest
    assert to_json(library) == json.loads(json.dumps(to_json(library)))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda data: data["records"][0].update(tools="abc"), "'abc' is no list"),
        (lambda data: data["records"][0].update(tools=[1]), "1 is no text"),
        (lambda data: data["records"][0].update(name=None), "None is no text"),
        (lambda data: data["records"][0].update(parameters="12"), "'12' is no count"),
        (lambda data: data["records"][0].update(usage=math.nan), "nan is no share"),
        (lambda data: data["records"][0].update(name="pay"), "two skills answer to 'pay'"),
        (lambda data: data["records"][0].update(serves=["pay"]), "two skills answer to 'pay'"),
        (lambda data: data["records"][0].update(more=1), "'more'"),
        (lambda data: data["records"][0].pop("digest"), "digest"),
        (lambda data: data["caps"].update(parameters=math.nan), "nan is no count"),
        (lambda data: data["caps"].update(skills=-1), "-1 is no count"),
        (lambda data: data.update(promotion="x"), "'x' is no count"),
        (lambda data: data.pop("caps"), "'caps'"),
    ],
)
def test_what_is_no_library_is_refused(
    change: Callable[[dict[str, Any]], object], found: str
) -> None:
    data = to_json(LIBRARY)
    change(data)
    with pytest.raises(LibraryError, match=f"this is no library .*{found}"):
        from_json(data)
