"""A switch for trouble: slow answers, answers lost after the work was done, refusals, dead lines.

The switch exists so that a planner's executor can be tried against the failures that matter. It
sits around a route's handler, after the request is read: `lost` and `dropped` really have done the
work. It does not imitate half-written packets or a crash of the service itself.
"""

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Fault(BaseModel):
    """One kind of trouble for one operation (or `*`).

    slow         answers after `seconds`
    lost         does the work, then answers `seconds` later: a caller with less patience times out
    dropped      does the work, then closes the connection without an answer
    unreachable  closes the connection without doing the work
    unavailable  answers 503 without doing the work
    limited      answers 429 without doing the work
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    operation: str = "*"
    kind: Literal["slow", "lost", "dropped", "unreachable", "unavailable", "limited"]
    seconds: Annotated[float, Field(ge=0, le=600)] = 0.0
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    times: Annotated[int, Field(ge=1)] | None = None


class Faults:
    """The faults that are switched on; equal seeds and equal requests give equal trouble."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.used = False
        self.switch([], 0)

    def switch(self, faults: list[Fault], seed: int) -> None:
        """Replace all faults and start the dice anew."""
        with self._lock:
            self.used = self.used or bool(faults)
            self._left = [(fault, fault.times) for fault in faults]
            self._rng = random.Random(seed)

    def pick(self, operation: str) -> Fault | None:
        """The trouble this request gets, counted as used."""
        with self._lock:
            for place, (fault, times) in enumerate(self._left):
                meant = fault.operation in ("*", operation) and times != 0
                if meant and self._rng.random() < fault.probability:
                    self._left[place] = (fault, None if times is None else times - 1)
                    return fault
        return None


class DeadLine(Response):
    """An answer that never comes: uvicorn closes the connection over the missing byte."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise one byte and send none."""
        start = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": [(b"content-length", b"1")]})


class FaultyRoute(APIRoute):
    """A route whose handler may be given trouble by the app's `faults`."""

    def get_route_handler(self) -> Handler:
        """The route's own handler with the fault switch around it."""
        original = super().get_route_handler()
        name = self.operation_id or ""

        async def handler(request: Request) -> Response:
            fault = request.app.state.faults.pick(name)
            with request.app.state.arrivals.working_on(request.headers.get("Idempotency-Key", "")):
                return await (troubled(fault, original, request) if fault else original(request))

        return handler


async def troubled(fault: Fault, original: Handler, request: Request) -> Response:
    """Answer a request the way this fault says."""
    if fault.kind == "unavailable":
        return _refused(503, "unavailable", "the shop is down for a moment")
    if fault.kind == "limited":
        return _refused(429, "too-many-requests", "slow down")
    if fault.kind == "unreachable":
        return DeadLine()
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    response = await original(request)
    if fault.kind == "dropped":
        return DeadLine()
    if fault.kind == "lost":
        await asyncio.sleep(fault.seconds)
    return response


def _refused(status: int, code: str, message: str) -> JSONResponse:
    body = {"error": {"code": code, "message": message}}
    return JSONResponse(body, status, headers={"Retry-After": "1"})
