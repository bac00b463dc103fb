"""A domain's plan language: its surface, plans printed in it, and plans parsed from it."""

from bb_core.plan_printer import print_plan
from bb_core.plan_reader import parse_plan
from bb_core.surface_reader import read_surface
from bb_core.surface_shape import Listing, Piece, Slot, Surface

__all__ = ["Listing", "Piece", "Slot", "Surface", "parse_plan", "print_plan", "read_surface"]
