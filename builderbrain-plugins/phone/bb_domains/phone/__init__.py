"""Flows on a phone's screen: taps with a post-condition each, and commits a person consents to."""

from bb_core import FolderDomain

domain = FolderDomain(__name__)
