"""Everything bb_adapters raises on purpose, besides what bb_core raises.

DomainError                  (bb_core.errors)
└── AdapterError             a system cannot be connected to as its settings say
"""

from bb_core.errors import DomainError


class AdapterError(DomainError):
    """A system cannot be connected to as its settings say, or is not the pinned one."""
