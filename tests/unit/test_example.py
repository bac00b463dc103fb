"""A file of examples: what is no example is named with its line, what was found and what to do."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bb_core import discover
from bb_core.battery import Task
from bb_core.canonical import digest, digest_json
from bb_core.compiled import Compiled, compile_domain
from bb_core.plan import Plan, Step
from bb_core.scene import Scene
from bb_core.skins import Skin
from bb_train.config import Data
from bb_train.corpus import Corpus, corpus
from bb_train.data.generator_config import GeneratorConfig
from bb_train.errors import DataError
from bb_train.example import Example, Split, file_of, read_example, read_examples, write_examples
from tests.unit.shelf import TAKE, shelf

TEXT = "cancel W1001\u2028then tell me"
TASK = Task("t", "cancel W1001", ({"steps": []},), diff={"/orders/W1001": None}, world={"a": [1]})


def example(
    ident: str = "one",
    domain: str = "shop",
    schema: str = "s",
    split: Split = "dev",
    text: str = TEXT,
) -> Example:
    plan = Plan(domain, schema, (Step("s1", "cancel_order", {"order": "W1001"}),))
    return Example(ident, domain, split, Scene(text, len(text)), plan, (0, 13), TASK, ("tag",))


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    """A file of two examples, the second changed, with the digest of what it then says."""
    first, second = file_of([example(), example("two")], {}).splitlines()[1:]
    data = json.loads(second)
    change(data)
    rows = [first, json.dumps(data).encode()]
    head = {"made_from": {}, "examples": digest(b"\n".join(rows))}
    return b"\n".join([json.dumps(head).encode(), *rows]) + b"\n"


def at(*path: str, to: Any) -> Callable[[dict[str, Any]], object]:
    """Puts a value at a place in an example."""

    def put(data: dict[str, Any]) -> None:
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = to

    return put


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_examples(path, [example(), example("two")], {})
    assert read_examples(path) == (example(), example("two"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (at("clauses", to=["a"]), "clauses must be a rising list of whole numbers below 25"),
        (at("clauses", to=[0, 99]), "clauses must be"),
        (at("clauses", to=[-5]), "clauses must be"),
        (at("clauses", to=[9, 0]), "clauses must be"),
        (at("clauses", to=[4, 4]), "clauses must be"),
        (at("clauses", to="x"), "clauses must be"),
        (at("scene", "end", to="x"), "scene.end must be a whole number from 0 to 25, found 'x'"),
        (at("scene", "end", to=99), "scene.end must be"),
        (at("scene", "end", to=-3), "scene.end must be"),
        (at("scene", "text", to=7), "scene.text must be text, found 7"),
        (at("scene", "text", to="\ud800 hello"), "scene.text must be text"),
        (at("scene", "facts", to=[1, 2]), "scene.facts/0 must be text, found 1"),
        (at("scene", to="x"), "this is no example"),
        (at("round", to=10**20), "round must be a whole number from 0 to 9999"),
        (at("round", to="a"), "round must be"),
        (at("id", to=5), "id must be text, found 5"),
        (at("tags", to=[5]), "tags/0 must be text"),
        (at("split", to="tests"), "no split tests/indist"),
        (at("plan", to={}), "'steps' must be a list"),
        (at("task", to="x"), "task must be an object or null, found 'x'"),
        (at("task", to={}), "without 'rounds'"),
        (at("task", "prompt", to=5), "task.prompt must be text, found 5"),
        (at("task", "diff", to=[3]), "task.diff must be an object, found [3]"),
        (at("task", "diff", to={"/a": 10**20}), "this is no example"),
        (at("task", "world", to=[3]), "task.world must be an object"),
        (at("task", "rounds", to=None), "task.rounds must be a list of plans"),
        (at("task", "expect", to="maybe"), "task.expect must be done or refuse"),
        (lambda data: data.pop("scene"), "without 'scene'"),
    ],
)
def test_what_is_no_example_is_named_with_its_line(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(changed(change))
    with pytest.raises(DataError) as error:
        read_examples(path)
    assert str(error.value).startswith(f"{path}:3: this is no example (")
    assert said in str(error.value) and str(error.value).endswith(". Generate them again")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", ":1: the first line names no digest"),
        (b"[]\n", ":1: the first line names no digest"),
        (b"\xff\n", ": cannot be read: it is not UTF-8"),
        (b'{"examples": "x"}\n' + b"[" * 100_000, ":2: is not JSON"),
        (b'{"examples": "x"}\n[]\n', ":2: this is no example"),
        (b'{"examples": "x"}\n', ": is not what its digest says"),
    ],
)
def test_a_file_that_is_not_whole(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(data)
    with pytest.raises(DataError) as error:
        read_examples(path)
    assert str(error.value).startswith(f"{path}{said}")
    with pytest.raises(DataError, match="cannot be read"):
        read_examples(tmp_path)


def test_anything_else_is_no_example() -> None:
    for data in (None, [], "x", {}):
        with pytest.raises(DataError, match="this is no example"):
            read_example(data)


@pytest.fixture(scope="module")
def shop() -> Compiled:
    return compile_domain(discover().get("api_json"))


class Files:
    """A run's two files of examples in a folder, and the corpus that they make."""

    def __init__(self, shop: Compiled, folder: Path) -> None:
        self.shop, self.folder = shop, folder

    def path(self, split: Split) -> Path:
        return self.folder / f"{split}.jsonl"

    def write(self, name: Split, *texts: str, of: Split | None = None) -> None:
        """A file of requests, each an example of its own, of the split `of`."""
        made = (self.shop.name, self.shop.digest, of or name)
        many = [example(f"{name}-{n}", *made, text) for n, text in enumerate(texts)]
        write_examples(self.path(name), many, {})

    def read(self) -> Corpus:
        data = Data(train_file=str(self.path("train")), dev_file=str(self.path("dev")))
        return corpus(self.shop, data, 0, self.folder / "examples", print)


@pytest.fixture
def files(shop: Compiled, tmp_path: Path) -> Files:
    return Files(shop, tmp_path)


def test_files_that_share_nothing_are_a_corpus(files: Files) -> None:
    files.write("train", f"{TEXT} a", f"{TEXT} b")
    files.write("dev", f"{TEXT} c")
    found = files.read()
    assert (len(found.train), len(found.dev)) == (2, 1)


def test_two_examples_of_one_id_are_refused(files: Files) -> None:
    one = example(domain=files.shop.name, schema=files.shop.digest, split="train")
    write_examples(files.path("train"), [one, one], {})
    with pytest.raises(DataError) as error:
        files.read()
    found = f"{files.path('train')}:3: a second example 'one'. Give each example an id"
    assert str(error.value).startswith(found)


def test_a_dev_request_that_is_learnt_from_is_refused_with_its_line(files: Files) -> None:
    files.write("train", f"{TEXT} a", f"{TEXT} b")
    files.write("dev", f"{TEXT} c", f"{TEXT} b")
    with pytest.raises(DataError) as error:
        files.read()
    found = f"{files.path('dev')}:3: the request of 'dev-1' is learnt from too, in 'train-1'. Take"
    assert str(error.value).startswith(found)


def test_a_line_of_another_split_is_refused(files: Files) -> None:
    files.write("train", f"{TEXT} a")
    files.write("dev", f"{TEXT} b", f"{TEXT} c", of="test")
    with pytest.raises(DataError) as error:
        files.read()
    assert str(error.value).startswith(f"{files.path('dev')}:2: 'dev-0' is of the split test, not")
    assert files.path("dev").rename(files.path("train"))
    with pytest.raises(DataError, match=r"train\.jsonl:2: 'dev-0' is of the split test, not train"):
        files.read()


def test_examples_of_another_battery_or_other_skins_are_other_examples() -> None:
    plain = Skin("plain", "invariant", lambda task: task)
    loud = replace(plain, apply=lambda task: replace(task, prompt=task.prompt.upper()))
    made = [shelf(), shelf(battery=(TAKE,)), shelf(skins=(plain,)), shelf(skins=(loud,))]
    found = [GeneratorConfig(7).made_from(one.compiled) for one in made]
    assert len({digest_json(told) for told in found}) == len(made)
    assert GeneratorConfig(7).made_from(shelf().compiled) == found[0]


def test_a_runs_own_file_that_is_damaged_is_to_be_deleted(shop: Compiled, tmp_path: Path) -> None:
    path = tmp_path / "train-indist.jsonl"
    write_examples(path, [example()], GeneratorConfig(7).made_from(shop))
    path.write_bytes(path.read_bytes().replace(b"W1001", b"W1002"))
    with pytest.raises(DataError) as error:
        corpus(shop, Data(train=7), 0, tmp_path, print)
    assert str(error.value).endswith(f"digest says. Delete {path}: it is made again")
