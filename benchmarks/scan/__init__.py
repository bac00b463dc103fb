"""Navigation commands of SCAN as a domain: verbs and modifiers are tools, actions are recorded."""

from bb_core import FolderDomain

domain = FolderDomain(__name__)
