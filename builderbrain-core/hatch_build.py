"""Puts the domain template into what is built: from the checkout, or from the sdist it is in."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TEMPLATE = "cookiecutter-domain"


class Template(BuildHookInterface[Any]):
    """A wheel holds the template inside bb_infra, an sdist beside it; a checkout has it anyway."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the template's files to what is built."""
        if version == "editable":
            return
        root = Path(self.root)
        found = [home for home in (root, root.parent) if (home / TEMPLATE).is_dir()]
        if not found:
            raise FileNotFoundError(f"{TEMPLATE} is neither in {root} nor beside it")
        inside = "bb_infra/" if self.target_name == "wheel" else ""
        build_data["force_include"][str(found[0] / TEMPLATE)] = f"{inside}{TEMPLATE}"
