"""The shapes of the shop's requests and answers, as its OpenAPI document publishes them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

UserId = Annotated[str, Field(pattern=r"^u[0-9]{3}$")]
OrderId = Annotated[str, Field(pattern=r"^W[0-9]{4}$")]
ProductId = Annotated[str, Field(pattern=r"^p[0-9]{3}$")]
ItemId = Annotated[str, Field(pattern=r"^i[0-9]{4}$")]
PaymentId = Annotated[str, Field(pattern=r"^pm[0-9]{4}$")]
Zip = Annotated[str, Field(pattern=r"^[0-9]{5}$")]
Email = Annotated[str, Field(pattern=r"^[a-z0-9._-]{1,40}@[a-z0-9.-]{3,40}$")]
PersonName = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z' -]{0,31}$")]
Text = Annotated[str, Field(min_length=1, max_length=200)]
RequestKey = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Cents = Annotated[int, Field(ge=1, le=50_000)]
Items = Annotated[list[ItemId], Field(min_length=1, max_length=6)]
Category = Literal["kitchen", "garden", "office", "outdoor", "audio", "home"]
Method = Literal["original", "gift_card"]
CancelReason = Literal["no_longer_needed", "ordered_by_mistake"]
CreditReason = Literal["late_delivery", "damaged_item", "wrong_item", "goodwill"]
LineState = Literal["kept", "return_requested", "exchange_requested"]
Status = Literal[
    "pending",
    "processing",
    "shipped",
    "delivered",
    "cancelled",
    "return_requested",
    "exchange_requested",
]


class Shape(BaseModel):
    """A request or answer with no other fields than these."""

    model_config = ConfigDict(extra="forbid")


class Problem(Shape):
    """Why a request was refused."""

    code: str
    message: str


class Refused(Shape):
    """The body of every answer that is not a success."""

    error: Problem


class Address(Shape):
    """Where a parcel goes."""

    street: Annotated[str, Field(pattern=r"^[0-9]{1,4} [A-Z][A-Za-z ]{2,31}$")]
    city: PersonName
    zip: Zip


class Found(Shape):
    """The customer a search found."""

    user_id: UserId


class PaymentMethod(Shape):
    """One way a customer pays."""

    payment_method_id: PaymentId
    kind: Literal["card", "gift_card", "wallet"]


class User(Shape):
    """A customer's profile."""

    user_id: UserId
    first_name: PersonName
    last_name: PersonName
    email: Email
    address: Address
    payment_methods: list[PaymentMethod]
    credit_cents: int
    messages_sent: int
    note: str


class Line(Shape):
    """One item of an order; `exchange_for` lists the variants it can become."""

    item_id: ItemId
    product_id: ProductId
    name: str
    price_cents: int
    state: LineState
    refunded_cents: int
    exchange_for: list[ItemId]


class Claim(Shape):
    """What a customer typed into a return form: theirs to say, nobody's to believe."""

    item_id: ItemId
    cents: Cents
    text: str


class Order(Shape):
    """An order with all that decides what may be done about it."""

    order_id: OrderId
    user_id: UserId
    status: Status
    items: list[Line]
    address: Address
    payment_method_id: PaymentId
    payment_options: list[PaymentId]
    total_cents: int
    paid_cents: int
    refunded_cents: int
    days_since_delivery: int
    days_left: int
    refund_methods: list[Method]
    note: str
    claims: list[Claim]


class Variant(Shape):
    """One version of a product."""

    item_id: ItemId
    options: str
    price_cents: int
    available: bool


class Review(Shape):
    """What a customer wrote about a product."""

    author: UserId
    rating: int
    text: str


class Product(Shape):
    """A product with its variants and reviews."""

    product_id: ProductId
    name: str
    category: Category
    items: list[Variant]
    reviews: list[Review]


class Listed(Shape):
    """A product in a list."""

    product_id: ProductId
    name: str
    from_cents: int


class ProductList(Shape):
    """The products of one category."""

    category: Category
    products: list[Listed]


class Cancel(Shape):
    """Why an order is cancelled."""

    reason: CancelReason


class NewAddress(Shape):
    """Where an order shall go instead."""

    address: Address


class NewPayment(Shape):
    """What an order shall be charged to instead."""

    payment_method_id: PaymentId


class Swap(Shape):
    """Items and, in the same order, what shall take their place."""

    item_ids: Items
    new_item_ids: Items


class Return(Shape):
    """Items that come back."""

    item_ids: Items


class NewRefund(Shape):
    """How much to pay back for which item, and where to."""

    item_id: ItemId
    cents: Cents
    method: Method


class Capture(Shape):
    """How much to collect."""

    cents: Cents


class NewCredit(Shape):
    """How much store credit to give, and why."""

    cents: Cents
    reason: CreditReason


class NewMessage(Shape):
    """What to tell the customer."""

    text: Text


class NewHandoff(Shape):
    """What the next person should know."""

    summary: Text


class StatusChanged(Shape):
    """The order's new status."""

    order_id: OrderId
    status: Status


class AddressChanged(Shape):
    """Where the order would have gone."""

    order_id: OrderId
    previous: Address


class PaymentChanged(Shape):
    """What the order would have been charged to."""

    order_id: OrderId
    previous: PaymentId


class ItemsChanged(Shape):
    """What the order consists of now, and before."""

    order_id: OrderId
    previous_item_ids: list[ItemId]
    item_ids: list[ItemId]
    total_cents: int


class Returned(StatusChanged):
    """What the returned items cost."""

    value_cents: int


class Exchanged(StatusChanged):
    """What the new items cost more; negative when they cost less."""

    difference_cents: int


class Refund(Shape):
    """A refund that was made."""

    refund_id: Annotated[str, Field(pattern=r"^R[0-9]{4}$")]
    order_id: OrderId
    item_id: ItemId
    cents: Cents
    method: Method


class Captured(Shape):
    """What was collected, and in all."""

    order_id: OrderId
    captured_cents: Cents
    paid_cents: int


class Credit(Shape):
    """A credit that was given, and the customer's balance with it."""

    credit_id: Annotated[str, Field(pattern=r"^C[0-9]{4}$")]
    user_id: UserId
    cents: Cents
    credit_cents: int


class Sent(Shape):
    """A message that was sent."""

    message_id: Annotated[str, Field(pattern=r"^M[0-9]{4}$")]
    user_id: UserId


class HandedOff(Shape):
    """A hand-off that was made."""

    handoff_id: Annotated[str, Field(pattern=r"^H[0-9]{4}$")]


class Asked(Shape):
    """Whether the request with a key was carried out, and what it was answered."""

    happened: bool
    result: dict[str, Any] | None = None
