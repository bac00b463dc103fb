"""Publish, reply, moderate and mail: reviewed, never wider than the thread, nobody's data in it."""

from bb_core import FolderDomain

domain = FolderDomain(__name__, mode="soft")
