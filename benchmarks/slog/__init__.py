"""Sentences of SLOG as a domain: those of COGS, with questions and relative clauses."""

from bb_core import FolderDomain

domain = FolderDomain(__name__)
