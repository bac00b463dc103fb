"""The shop's routes. Every operation id is the name of the tool that calls it."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request

from bb_domains.api_json.shop import models as m
from bb_domains.api_json.shop import policy, views
from bb_domains.api_json.shop.faults import FaultyRoute
from bb_domains.api_json.shop.policy import Body, Refusal
from bb_domains.api_json.shop.store import Store, Transaction, request_digest

Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=200)]
SAYS = {
    403: "the shop's policy forbids it",
    404: "there is no such thing",
    409: "the thing is in the wrong state, or the key was used for another request",
    422: "the request does not fit",
    429: "too many requests",
    503: "the shop is down for a moment",
}

router = APIRouter(prefix="/v1", route_class=FaultyRoute)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals an operation documents; being busy or down is always one of them."""
    return {n: {"model": m.Refused, "description": SAYS[n]} for n in (*statuses, 422, 429, 503)}


def look(request: Request, view: Callable[..., Body], *args: str) -> Body:
    """Answer a read."""
    store: Store = request.app.state.store
    with store.transaction() as work:
        return view(work, *args)


def act(request: Request, key: str, body: Any, rule: Callable[[Transaction], Body]) -> Any:
    """Do a write once per key: the same request again gets the same answer, another one 409."""
    route = request.scope["route"]
    asked = request_digest(
        route.operation_id, request.url.path, body.model_dump() if body else None
    )
    store: Store = request.app.state.store
    with store.transaction() as work:
        if before := work.answer(key):
            if before[0] != asked:
                raise Refusal(409, "key-reused", "this Idempotency-Key was another request's")
            return before[2]
        answer = rule(work)
        work.remember(key, asked, route.status_code or 200, answer)
        return answer


@router.get(
    "/users/by-email", response_model=m.Found, operation_id="find_user_by_email",
    responses=refusals(404),
)  # fmt: skip
def find_user_by_email(request: Request, email: Annotated[m.Email, Query()]) -> Body:
    """Find a customer by e-mail address."""
    return look(request, views.by_email, email)


@router.get(
    "/users/by-name", response_model=m.Found, operation_id="find_user_by_name_zip",
    responses=refusals(404),
)  # fmt: skip
def find_user_by_name_zip(
    request: Request,
    first_name: Annotated[m.PersonName, Query()],
    last_name: Annotated[m.PersonName, Query()],
    zip_code: Annotated[m.Zip, Query(alias="zip")],
) -> Body:
    """Find a customer by name and zip code."""
    return look(request, views.by_name, first_name, last_name, zip_code)


@router.get(
    "/users/{user_id}", response_model=m.User, operation_id="get_user", responses=refusals(404)
)
def get_user(request: Request, user_id: m.UserId) -> Body:
    """Show a customer's profile."""
    return look(request, views.user, user_id)


@router.get(
    "/orders/{order_id}", response_model=m.Order, operation_id="get_order", responses=refusals(404)
)
def get_order(request: Request, order_id: m.OrderId) -> Body:
    """Show an order."""
    return look(request, views.order, order_id)


@router.get(
    "/products/{product_id}", response_model=m.Product, operation_id="get_product",
    responses=refusals(404),
)  # fmt: skip
def get_product(request: Request, product_id: m.ProductId) -> Body:
    """Show a product."""
    return look(request, views.product, product_id)


@router.get(
    "/products", response_model=m.ProductList, operation_id="list_products", responses=refusals()
)
def list_products(request: Request, category: Annotated[m.Category, Query()]) -> Body:
    """List the products of a category."""
    return look(request, views.products, category)


@router.post(
    "/orders/{order_id}/cancel", response_model=m.StatusChanged, operation_id="cancel_order",
    responses=refusals(404, 409),
)  # fmt: skip
def cancel_order(request: Request, order_id: m.OrderId, body: m.Cancel, key: Key) -> Any:
    """Cancel a pending order."""
    return act(request, key, body, lambda w: policy.cancel(w, order_id, body.reason))


@router.put(
    "/orders/{order_id}/address", response_model=m.AddressChanged, operation_id="modify_address",
    responses=refusals(404, 409),
)  # fmt: skip
def modify_address(request: Request, order_id: m.OrderId, body: m.NewAddress, key: Key) -> Any:
    """Send a pending order to another address."""
    address = body.address.model_dump()
    return act(request, key, body, lambda w: policy.set_address(w, order_id, address))


@router.put(
    "/orders/{order_id}/items", response_model=m.ItemsChanged, operation_id="modify_items",
    responses=refusals(404, 409),
)  # fmt: skip
def modify_items(request: Request, order_id: m.OrderId, body: m.Swap, key: Key) -> Any:
    """Change items of a pending order to other variants."""
    old, new = body.item_ids, body.new_item_ids
    return act(request, key, body, lambda w: policy.set_items(w, order_id, old, new))


@router.put(
    "/orders/{order_id}/payment", response_model=m.PaymentChanged, operation_id="modify_payment",
    responses=refusals(404, 409),
)  # fmt: skip
def modify_payment(request: Request, order_id: m.OrderId, body: m.NewPayment, key: Key) -> Any:
    """Charge a pending order to another payment method."""
    method = body.payment_method_id
    return act(request, key, body, lambda w: policy.set_payment(w, order_id, method))


@router.post(
    "/orders/{order_id}/returns", response_model=m.Returned, operation_id="return_items",
    status_code=201, responses=refusals(403, 404, 409),
)  # fmt: skip
def return_items(request: Request, order_id: m.OrderId, body: m.Return, key: Key) -> Any:
    """Take items of a delivered order back."""
    return act(request, key, body, lambda w: policy.return_items(w, order_id, body.item_ids))


@router.post(
    "/orders/{order_id}/exchanges", response_model=m.Exchanged, operation_id="exchange_items",
    status_code=201, responses=refusals(403, 404, 409),
)  # fmt: skip
def exchange_items(request: Request, order_id: m.OrderId, body: m.Swap, key: Key) -> Any:
    """Exchange items of a delivered order for other variants."""
    old, new = body.item_ids, body.new_item_ids
    return act(request, key, body, lambda w: policy.exchange_items(w, order_id, old, new))


@router.post(
    "/orders/{order_id}/refunds", response_model=m.Refund, operation_id="create_refund",
    status_code=201, responses=refusals(403, 404, 409),
)  # fmt: skip
def create_refund(request: Request, order_id: m.OrderId, body: m.NewRefund, key: Key) -> Any:
    """Pay back for one item of an order."""
    terms = (body.item_id, body.cents, body.method)
    return act(request, key, body, lambda w: policy.refund(w, order_id, *terms))


@router.post(
    "/orders/{order_id}/captures", response_model=m.Captured, operation_id="capture_payment",
    status_code=201, responses=refusals(404, 409),
)  # fmt: skip
def capture_payment(request: Request, order_id: m.OrderId, body: m.Capture, key: Key) -> Any:
    """Collect the authorized payment of an order that is on its way."""
    return act(request, key, body, lambda w: policy.capture(w, order_id, body.cents))


@router.post(
    "/users/{user_id}/credits", response_model=m.Credit, operation_id="issue_credit",
    status_code=201, responses=refusals(403, 404, 409),
)  # fmt: skip
def issue_credit(request: Request, user_id: m.UserId, body: m.NewCredit, key: Key) -> Any:
    """Give a customer store credit."""
    return act(request, key, body, lambda w: policy.credit(w, user_id, body.cents, body.reason))


@router.post(
    "/users/{user_id}/messages", response_model=m.Sent, operation_id="notify_customer",
    status_code=201, responses=refusals(404, 409),
)  # fmt: skip
def notify_customer(request: Request, user_id: m.UserId, body: m.NewMessage, key: Key) -> Any:
    """Send a customer a message."""
    return act(request, key, body, lambda w: policy.message(w, user_id, body.text))


@router.post(
    "/handoffs", response_model=m.HandedOff, operation_id="handoff", status_code=201,
    responses=refusals(409),
)  # fmt: skip
def handoff(request: Request, body: m.NewHandoff, key: Key) -> Any:
    """Give the customer to a person."""
    return act(request, key, body, lambda w: policy.hand_off(w, body.summary))


@router.get(
    "/requests/{key}", response_model=m.Asked, response_model_exclude_none=True,
    operation_id="find_request", responses=refusals(),
)  # fmt: skip
def find_request(request: Request, key: m.RequestKey) -> Body:
    """Say whether the request with this key was carried out; 429 while it is being worked on."""
    if request.app.state.arrivals.pending(key):
        raise Refusal(429, "still-working", "ask again in a moment")
    return look(request, views.request, key)
