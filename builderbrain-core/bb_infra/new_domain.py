"""A new domain from the cookiecutter template, ready to install and to pass its own checks."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import typer

from bb_infra.errors import InfraError, MissingExtra
from bb_infra.free_name import free_name
from bb_infra.table import count

FOLDER = "cookiecutter-domain"


@dataclass(frozen=True, slots=True)
class Made:
    """What was written, and the name of the domain."""

    folder: Path
    module: str
    says: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The three things a new domain is asked for."""

    name: str
    about: str
    soft: bool


def ask(name: str, about: str, soft: bool | None) -> Wanted:
    """What was not given is asked at a terminal; without one a name has to be given."""
    there = sys.stdin.isatty()
    if not name and not there:
        raise InfraError("a domain needs a name", fix="run: bb domains new 'ware house'")
    name = name or typer.prompt("Name, in plain words")
    usual = f"Plans for {'an' if name[:1].lower() in 'aeiou' else 'a'} {name}."
    if not about:
        about = typer.prompt("What its plans do", default=usual) if there else usual
    if soft is None:
        soft = there and typer.confirm("Do its plans hold free text of any length?", default=False)
    return Wanted(name, about, soft)


def create(wanted: Wanted, into: Path, template: str = "") -> Made:
    """Write a new domain's distribution, or raise InfraError and leave nothing half-written."""
    module = free_name(wanted.name)
    folder = into / f"builderbrain-{module.replace('_', '-')}"
    if folder.exists():
        raise InfraError("is there already", where=str(folder), fix="choose another name or --into")
    _bake(template or _template(), wanted, module, into)
    for compiled in list(folder.rglob("__pycache__")):  # pip compiles an installed template's files
        shutil.rmtree(compiled)
    return Made(folder, module, _says(folder / "bb_domains" / module))


def _bake(template: str, wanted: Wanted, module: str, into: Path) -> None:
    try:
        from cookiecutter.exceptions import CookiecutterException
        from cookiecutter.main import cookiecutter
    except ImportError as error:
        raise MissingExtra(
            "making a domain needs cookiecutter", fix="run: pip install 'builderbrain-core[new]'"
        ) from error
    about = {
        "name": wanted.name,
        "__module": module,
        # A literal of Jinja, since cookiecutter runs what it is given as a template.
        "description": f"{{{{ {wanted.about!a} }}}}",
        "strict": "no" if wanted.soft else "yes",
    }
    try:
        cookiecutter(template, no_input=True, extra_context=about, output_dir=str(into))
    except (CookiecutterException, OSError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise InfraError(f"the template could not be used: {said}", where=template) from error


def _template() -> str:
    """The template: in this package once it is installed, above it in a checkout."""
    for parent in Path(__file__).resolve().parents:
        if (parent / FOLDER / "cookiecutter.json").is_file():
            return str(parent / FOLDER)
    raise InfraError(
        "the template is in neither this package nor its checkout",
        fix="give --template with a checkout's cookiecutter-domain folder or its git URL",
    )


def _says(folder: Path) -> str:
    """What is in the new domain, counted from its files."""
    from bb_core.golden_file import read_golden
    from bb_core.schema_file import load_schema
    from bb_infra.domain_checks import stated_rules

    files = sum(1 for path in folder.parent.parent.rglob("*") if path.is_file())
    schema = load_schema((folder / "plan_schema.yaml").read_text("utf-8"), "plan_schema.yaml")
    golden = read_golden((folder / "golden/plans.yaml").read_text("utf-8"), "golden/plans.yaml")
    plans = len(golden.accept) + len(golden.refuse)
    return ", ".join(
        [
            count(files, "file"),
            count(len(schema.tools), "tool"),
            count(len(stated_rules(schema)), "rule"),
            count(plans, "golden plan"),
        ]
    )
