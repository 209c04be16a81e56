"""Webhooks: where a party is told what has happened."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from api.schemas.base import Count, Document, Instant, Name
from ledger.webhooks.kinds import KINDS

MessageType = Annotated[str, WithJsonSchema({"type": "string", "enum": list(KINDS)})]
WebhookId = Annotated[str, Field(pattern="^hook_[0-9a-f]{16}$")]
Url = Annotated[str, Field(max_length=2_048, description="https, at a public address, on port 443 or 8443.")]


class WebhookOrder(Document):
    """A webhook to be made."""

    url: Url
    types: list[MessageType] = Field(
        default=[], description="What it hears of; none: everything, new types too."
    )
    party: Name | None = Field(default=None, description="The caller's own; another's only for an operator.")


class WebhookChange(Document):
    """What is to be changed; what is left out stays."""

    url: Url | None = None
    types: list[MessageType] | None = Field(default=None, description="An empty list: everything.")
    enabled: bool | None = Field(default=None, description="`false`: send nothing for now.")


class Webhook(Document):
    """A webhook. ``disabled`` is since when nothing is sent, for the ``reason``; null while all is well."""

    id: WebhookId
    party: Name
    url: str
    types: list[str]
    created: Instant
    disabled: Instant | None
    reason: str | None


class WebhookSecret(Webhook):
    """A webhook with the secret that its messages are signed with, which is not shown again."""

    secret: Annotated[str, Field(pattern="^whsec_[A-Za-z0-9+/]{43}=$")]


class WebhookPage(Document):
    """Webhooks by id."""

    items: list[Webhook]
    next: str | None


class Delivery(Document):
    """A message on its way to a webhook. ``status`` and ``error`` are of the last attempt."""

    id: Count
    message: Annotated[str, Field(description="The `webhook-id` that it is sent with.")]
    type: str
    time: Annotated[Instant, Field(description="When what it tells of happened.")]
    state: Literal["waiting", "delivered", "failed", "withheld"]
    attempts: Count
    next_attempt: Instant | None
    attempted: Instant | None
    status: int | None
    error: str | None


class DeliveryPage(Document):
    """Deliveries of a webhook, the newest first."""

    items: list[Delivery]
    next: str | None
