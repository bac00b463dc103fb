"""{{ cookiecutter.description | replace('\\', '\\\\') | replace('"', '\\"') }}"""

from bb_core import FolderDomain

domain = FolderDomain(__name__{% if cookiecutter.strict == "no" %}, mode="soft"{% endif %})
