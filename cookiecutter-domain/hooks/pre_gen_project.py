"""Refuse a name that is no domain's name, or that an installed domain has."""

import keyword
import re
import sys
from importlib.metadata import entry_points

module = "{{ cookiecutter.__module }}"
if not re.fullmatch(r"[a-z][a-z0-9_]{0,47}", module):
    sys.exit(f"{module!r} is no name for a domain. Use letters, digits and spaces, a letter first")
if keyword.iskeyword(module):
    sys.exit(f"{module!r} is a word of Python. Choose another name")
if module in {point.name for point in entry_points(group="builderbrain.domains")}:
    sys.exit(f"a domain {module!r} is installed already. Choose another name")
