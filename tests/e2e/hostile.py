"""Broken and hostile plugins, each as the files of a tiny distribution and what is said of it."""

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

REPO = Path(__file__).parents[2]
GRAMMAR = REPO / "builderbrain-plugins/api_json/bb_domains/api_json/grammar.lark"
SCHEMA = """plan_schema: 1
domain: {name}
tools:
  look: {{does: Look, effect: read, args: {{id: {{type: string, maxLength: 8}}}}}}
"""
FOLDER = "from bb_core import FolderDomain\n\ndomain = FolderDomain(__name__)\n"
CODE = "from bb_core import hookimpl\n\n\nclass Domain:\n    api = 1\n{body}\n\ndomain = Domain()\n"


@dataclass(frozen=True)
class Plugin:
    """One plugin. `says` is what must stand in its line; empty for one that must work."""

    name: str
    says: str = ""
    code: str = FOLDER
    files: dict[str, str | bytes] = field(default_factory=dict)
    make: Callable[[Path], None] = lambda folder: None
    dist: str = ""
    target: str = "domain"
    without: tuple[str, ...] = ()

    def write(self, site: Path) -> None:
        """Put the plugin's module and metadata into a site folder."""
        package = "bb_domains." + ascii(self.name).strip("'").replace("\\", "_")
        folder = site / package.replace(".", "/")
        folder.mkdir(parents=True, exist_ok=True)
        files: dict[str, str | bytes] = {
            "grammar.lark": GRAMMAR.read_bytes(),
            "plan_schema.yaml": SCHEMA.format(name=self.name),
            "__init__.py": self.code,
        }
        for name, content in (files | self.files).items():
            if name not in self.without:
                data = content.encode() if isinstance(content, str) else content
                (folder / name).write_bytes(data)
        self.make(folder)
        dist = self.dist or f"hostile-{zlib.crc32(self.name.encode())}"
        info = site / f"{dist.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n")
        points = f"[builderbrain.domains]\n{self.name} = {package}:{self.target}\n"
        (info / "entry_points.txt").write_text(points, "utf-8")


def methods(*lines: str) -> str:
    return CODE.format(body="\n".join(f"    {line}" for line in lines))


def hook(name: str, body: str) -> tuple[str, ...]:
    return ("@hookimpl", f"def {name}(self):", f"    {body}", "")


def leaving(folder: Path) -> None:
    (folder / "grammar.lark").unlink()
    (folder / "grammar.lark").symlink_to(GRAMMAR)


def dangling(folder: Path) -> None:
    (folder / "grammar.lark").unlink()
    (folder / "grammar.lark").symlink_to(folder / "nowhere")


def pipe(folder: Path) -> None:
    (folder / "grammar.lark").unlink()
    os.mkfifo(folder / "grammar.lark")


def lookalike(folder: Path) -> None:
    (folder / "plan_schema.yaml").unlink()
    (folder / "pl\u0430n_schema.yaml").write_text("domain: lookalike\n")


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8)
)
BOTH = hook("grammar", "return 7") + hook("plan_schema", "return None")

PLUGINS = [
    Plugin("good"),
    Plugin("prints", code='print("{not json")\n' + FOLDER),
    Plugin(
        "crash",
        "ModuleNotFoundError: No module named 'nonexistent_thing'",
        "import nonexistent_thing\n",
    ),
    Plugin("syntax", "SyntaxError", "def (:\n"),
    Plugin("quits", "SystemExit: 3", "raise SystemExit(3)\n"),
    Plugin("furious", "BaseException: no", "raise BaseException('no')\n"),
    Plugin(
        "wordy",
        "RuntimeError: two lines \\x1b[2J here",
        "raise RuntimeError('two\\nlines \\x1b[2J here')\n",
    ),
    Plugin("endless", "RecursionError", "def f():\n    f()\n\n\nf()\n"),
    Plugin("sleeps", "took longer than", "import time\n\ntime.sleep(60)\n"),
    Plugin("nothing", "has no attribute 'domain'", "x = 1\n"),
    Plugin(
        "nobody",
        "module 'bb_domains.nobody' has no attribute 'domain'",
        without=("__init__.py",),
        target="domain",
    ),
    Plugin(
        "oldapi",
        "written for domain API 0; this core speaks 1",
        "class D:\n    api = 0\n\n\ndomain = D()\n",
    ),
    Plugin("noapi", "written for no domain API", "domain = object()\n"),
    Plugin("nohooks", "answers no grammar() and no plan_schema()", methods("pass")),
    Plugin("newhook", "unknown hook 'dreams'", methods(*BOTH, *hook("dreams", "return 1"))),
    Plugin("wrongtype", "grammar() gave int, not Grammar", methods(*BOTH)),
    Plugin(
        "raises",
        "ValueError: not today",
        methods(
            *hook("grammar", "raise ValueError('not today')"), *hook("plan_schema", "return None")
        ),
    ),
    Plugin(
        "loops",
        "RecursionError",
        methods(*hook("grammar", "return self.grammar()"), *hook("plan_schema", "return None")),
    ),
    Plugin("badgrammar", "badgrammar/grammar.lark", files={"grammar.lark": "plan: step+ (\n"}),
    Plugin(
        "ambiguous",
        "ambiguous/grammar.lark",
        files={"grammar.lark": 'plan: a | b\na: "x"\nb: "x"\n'},
    ),
    Plugin(
        "badyaml",
        "badyaml/plan_schema.yaml:2: is not YAML",
        files={"plan_schema.yaml": "a: 1\n  b: [\n"},
    ),
    Plugin(
        "badschema",
        "badschema/plan_schema.yaml:1: key 'tools' is missing",
        files={"plan_schema.yaml": "plan_schema: 1\n\ndomain: badschema\n"},
    ),
    Plugin(
        "othername",
        "plan_schema.yaml says domain: elsewhere",
        files={"plan_schema.yaml": SCHEMA.format(name="elsewhere")},
    ),
    Plugin("huge", "at most 1,000,000 are read", files={"plan_schema.yaml": b"#" * 2_000_000}),
    Plugin(
        "latin",
        "byte 0xe9 is not UTF-8",
        files={"plan_schema.yaml": "plan_schema: 1\ndomain: é\n".encode("latin-1")},
    ),
    Plugin("bidi", "invisible U+202E", files={"plan_schema.yaml": "plan_schema: 1\n# \u202e\n"}),
    Plugin("bomb", "swells to more than", files={"plan_schema.yaml": BOMB}),
    Plugin("deep", "is nested more than 40 deep", files={"plan_schema.yaml": "[" * 90_000}),
    Plugin(
        "python",
        "is not read",
        files={"plan_schema.yaml": "!!python/object/apply:os.system [echo]\n"},
    ),
    Plugin("missing", "missing/plan_schema.yaml: is missing", without=("plan_schema.yaml",)),
    Plugin(
        "badskins", "badskins/skins.yaml:1: unknown key 'skin'", files={"skins.yaml": "skin: []\n"}
    ),
    Plugin(
        "badbattery",
        "badbattery/battery.yaml:2: task has no 'id'",
        files={"battery.yaml": "tasks:\n  - {prompt: x}\n"},
    ),
    Plugin("leaving", "is a symlink that leaves the domain's folder", make=leaving),
    Plugin("dangling", "is a symlink that leads nowhere", make=dangling),
    Plugin("fifo", "is not a regular file", make=pipe),
    Plugin("lookalike", "CYRILLIC SMALL LETTER A", make=lookalike),
    Plugin("r\u043ebots", "a domain's name is a-z, 0-9 and _"),
    Plugin("Shouting", "a domain's name is a-z, 0-9 and _"),
    Plugin(
        "twice",
        "claimed by one-dist 1.0 and other-dist 1.0; uninstall all but one",
        dist="one-dist",
    ),
]
