"""A new domain from the cookiecutter template, ready to install and to pass its own checks."""

import re
from dataclasses import dataclass
from pathlib import Path

from bb_core.registry import NAME, discover
from bb_infra.errors import InfraError, MissingExtra
from bb_infra.table import count

FOLDER = "cookiecutter-domain"


@dataclass(frozen=True, slots=True)
class Made:
    """What was written, and the name of the domain."""

    folder: Path
    module: str
    says: str


def create(name: str, into: Path, template: str = "") -> Made:
    """Write a new domain's distribution, or raise InfraError and leave nothing half-written."""
    module = re.sub(r"[\s-]+", "_", name.strip().lower())
    if not NAME.match(module):
        raise InfraError(
            f"{name!r} is no name for a domain",
            fix="use letters, digits and spaces, a letter first",
        )
    if any(domain.name == module for domain in discover(selection=module).domains):
        raise InfraError(f"a domain {module!r} is installed already", fix="choose another name")
    folder = into / f"builderbrain-{module.replace('_', '-')}"
    if folder.exists():
        raise InfraError("is there already", where=str(folder), fix="choose another name or --into")
    _bake(template or _template(), name, module, into)
    return Made(folder, module, _says(folder / "bb_domains" / module))


def _bake(template: str, name: str, module: str, into: Path) -> None:
    try:
        from cookiecutter.exceptions import CookiecutterException
        from cookiecutter.main import cookiecutter
    except ImportError as error:
        raise MissingExtra(
            "making a domain needs cookiecutter", fix="run: pip install 'builderbrain-core[new]'"
        ) from error
    about = {"name": name, "module": module, "description": f"Plans for {name}."}
    try:
        cookiecutter(template, no_input=True, extra_context=about, output_dir=str(into))
    except (CookiecutterException, OSError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise InfraError(f"the template could not be used: {said}", where=template) from error


def _template() -> str:
    """The template of this checkout, above the core distribution."""
    for parent in Path(__file__).resolve().parents:
        if (parent / FOLDER / "cookiecutter.json").is_file():
            return str(parent / FOLDER)
    raise InfraError(
        "the template is not part of the installed package",
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
