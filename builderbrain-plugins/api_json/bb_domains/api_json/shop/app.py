"""The shop as a web application with its own OpenAPI document.

`admin` adds the routes a twin needs (state, reset, faults). They have no login, so they belong on
a loopback address only; without `admin` they do not exist.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from bb_domains.api_json.shop.arrivals import Arrivals
from bb_domains.api_json.shop.data import State
from bb_domains.api_json.shop.faults import Fault, Faults
from bb_domains.api_json.shop.policy import Refusal
from bb_domains.api_json.shop.routes import router
from bb_domains.api_json.shop.store import Store

admin_router = APIRouter(prefix="/admin", include_in_schema=False)


class Trouble(BaseModel):
    """Which faults to switch on, and the seed of their dice."""

    model_config = ConfigDict(extra="forbid")
    faults: list[Fault]
    seed: int = 0


def create_app(store: Store, *, admin: bool = False) -> FastAPI:
    """The shop over this store; `admin` also lets a caller read, reset and trouble it."""
    app = FastAPI(title="Shop back office", version="1", redoc_url=None)
    app.state.store, app.state.faults, app.state.arrivals = store, Faults(), Arrivals()
    app.include_router(router)
    if admin:
        app.include_router(admin_router)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)
    return app


@admin_router.get("/state")
def state(request: Request) -> State:
    """The whole state."""
    store: Store = request.app.state.store
    return store.snapshot()


@admin_router.post("/reset", status_code=204)
def reset(request: Request, changes: dict[str, Any]) -> Response:
    """Back to the seed with changes laid over it, and no faults."""
    request.app.state.store.reset(changes)
    request.app.state.faults.switch([], 0)
    return Response(status_code=204)


@admin_router.post("/faults", status_code=204)
def faults(request: Request, trouble: Trouble) -> Response:
    """Switch faults on, in place of all that were on."""
    request.app.state.faults.switch(trouble.faults, trouble.seed)
    return Response(status_code=204)


def _problem(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    body = {"error": {"code": code, "message": message}}
    return JSONResponse(body, status, headers=dict(headers or {}))


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _problem(error.status, error.code, error.message)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return _problem(422, "invalid", f"{place}: {first['msg']}")


async def _framework(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _problem(error.status_code, "no-route", str(error.detail), error.headers)
