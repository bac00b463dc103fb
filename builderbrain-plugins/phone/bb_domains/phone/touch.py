"""A touch and what is seen after it: once it has begun, no fault says that nothing happened.

Every tool that touches a control goes through here. What goes wrong before (the control is not
there, the screen cannot be read) proves that nothing was touched and stays what it is. Not covered:
typing and the back key, which commit nothing; whether a touch that is lost was one that counted,
which nobody knows, so a person is asked.
"""

from collections.abc import Callable
from typing import TypeVar

from bb_core.errors import ToolError
from bb_domains.phone.driver import Touch

Result = TypeVar("Result")


def touched(touch: Touch, seen: Callable[[], Result]) -> Result:
    """What is seen after the touch; raises ToolError `timeout_unknown` and nothing else."""
    try:
        touch()
        return seen()
    except Exception as error:
        found = f"it was touched, and what came of it is not known: {error}"
        raise ToolError("timeout_unknown", found, where="phone") from error
