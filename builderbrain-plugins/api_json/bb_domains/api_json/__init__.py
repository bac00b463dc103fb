"""A shop's back office over HTTP: orders, refunds and credits that are checked before they run."""

from bb_core import FolderDomain

domain = FolderDomain(__name__)
