"""A pick-and-place cell with a person in it: plans are checked before the arm moves."""

from bb_core import FolderDomain

domain = FolderDomain(__name__)
