"""Sentences of COGS as a domain: their logical form, without variables, is built by steps."""

from bb_core import FolderDomain

domain = FolderDomain(__name__)
