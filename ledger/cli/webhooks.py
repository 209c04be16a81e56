"""``poolproof webhook``: where parties are told what has happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home
from ledger.counts import counted

if TYPE_CHECKING:
    from ledger.store.webhooks import DeliveryRow, EndpointRow

commands = command_group("Webhooks: tell parties what has happened, by HTTP.")

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="The id, as `webhook list` shows it.")]


@commands.command(
    epilog=example(
        "poolproof webhook add bank https://hooks.bank.example/poolproof",
        "poolproof webhook add bank https://hooks.bank.example/pools --type pool.sealed --type break.opened",
    )
)
def add(
    party: Annotated[str, typer.Argument(help="The party that is told; it hears of what it may see.")],
    url: Annotated[str, typer.Argument(help="Where messages are posted: https, at a public address.")],
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            help="A type of message; once for each. All are sent where none is given.",
            metavar="TYPE",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a webhook. Its signing secret is shown this once.

    A worker sends the messages. Receivers on the premises: POOLPROOF_WEBHOOK_NETWORKS.
    """
    out = Output(as_json)
    with open_home() as home:
        made = home.webhooks.add(party, url, kind or ())
    out.show({**_endpoint(made.endpoint), "secret": made.secret}, made.endpoint.id, made.secret)
    out.say("Keep the secret now: it is not shown again. The receiver checks signatures with it.")


@commands.command(
    "list", epilog=example("poolproof webhook list", "poolproof webhook list --party bank --json")
)
def list_webhooks(
    party: Annotated[str | None, typer.Option(help="Only those of this party.")] = None, as_json: Json = False
) -> None:
    """List the webhooks, with the reason where one is disabled."""
    with open_home() as home:
        found = home.webhooks.list(party)
    lines = [
        f"{one.id}  {one.party}  {one.url}  {', '.join(one.types) or 'all'}"
        + (f"  disabled {one.disabled}: {one.reason}" if one.disabled else "")
        for one in found
    ]
    Output(as_json).show(
        {"webhooks": [_endpoint(one) for one in found]},
        *(lines or ["no webhook yet; `poolproof webhook add PARTY URL` makes one"]),
    )


@commands.command(
    epilog=example(
        "poolproof webhook change hook_6f1d2c3b4a596877 --enable",
        "poolproof webhook change hook_6f1d2c3b4a596877 --url https://hooks.bank.example/new",
    )
)
def change(
    webhook: WebhookId,
    url: Annotated[str | None, typer.Option(help="Another place to post to.")] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option("--type", help="Other types of messages; `all` for all of them.", metavar="TYPE"),
    ] = None,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Send again, or send nothing for now.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Change a webhook. Enabled again, it gets what waits for it; what happened in between is not told."""
    types = None if kind is None else [one for one in kind if one != "all"]
    with open_home() as home:
        changed = home.webhooks.change(webhook, url=url, types=types, enabled=enabled)
    state = f"disabled: {changed.reason}" if changed.disabled else "enabled"
    Output(as_json).show(_endpoint(changed), f"{changed.id}  {changed.url}  {state}")


@commands.command(epilog=example("poolproof webhook remove hook_6f1d2c3b4a596877"))
def remove(webhook: WebhookId, as_json: Json = False) -> None:
    """Remove a webhook, with what waits for it."""
    with open_home() as home:
        home.webhooks.remove(webhook)
    Output(as_json).show({"id": webhook, "removed": True}, f"{webhook} removed")


@commands.command(epilog=example("poolproof webhook rotate hook_6f1d2c3b4a596877"))
def rotate(webhook: WebhookId, as_json: Json = False) -> None:
    """Make a new signing secret. For 24 hours messages are signed with the old one too."""
    out = Output(as_json)
    with open_home() as home:
        made = home.webhooks.rotate(webhook)
    out.show({**_endpoint(made.endpoint), "secret": made.secret}, made.secret)
    out.say(f"The secret before it signs too until {made.endpoint.old_until}.")


@commands.command("test", epilog=example("poolproof webhook test hook_6f1d2c3b4a596877"))
def ping(webhook: WebhookId, as_json: Json = False) -> None:
    """Send a message of type `ping`, by the worker, to try the receiver out."""
    with open_home() as home:
        made = home.webhooks.ping(webhook)
    Output(as_json).show(
        _delivery(made), f"delivery {made.id} waits for the worker; `poolproof webhook deliveries {webhook}`"
    )


@commands.command(epilog=example("poolproof webhook deliveries hook_6f1d2c3b4a596877 --json"))
def deliveries(
    webhook: WebhookId,
    before: Annotated[int | None, typer.Option(help="Only deliveries older than this one.", min=1)] = None,
    most: Annotated[int, typer.Option("--limit", help="At most so many.", min=1, max=1_000)] = 50,
    as_json: Json = False,
) -> None:
    """List what was sent or waits, the newest first."""
    with open_home() as home:
        found = home.webhooks.deliveries(webhook, before=before, most=most)
    lines = [
        f"{one.id}  {one.type}  {one.state}, {counted(one.attempts, 'attempt')}"
        + (f"  {one.error or one.status}" if one.attempted else "")
        + (f"  next {one.due}" if one.due else "")
        for one in found
    ]
    Output(as_json).show({"deliveries": [_delivery(one) for one in found]}, *(lines or ["nothing yet"]))


@commands.command(epilog=example("poolproof webhook replay hook_6f1d2c3b4a596877 17"))
def replay(
    webhook: WebhookId,
    delivery: Annotated[int, typer.Argument(help="The delivery, as `webhook deliveries` shows it.", min=1)],
    as_json: Json = False,
) -> None:
    """Send a message once more, under the id that it had."""
    with open_home() as home:
        made = home.webhooks.replay(webhook, delivery)
    Output(as_json).show(_delivery(made), f"delivery {made.id} of {made.message} waits for the worker")


def _endpoint(row: EndpointRow) -> dict[str, Any]:
    from ledger.webhooks.endpoints import endpoint_document

    return endpoint_document(row)


def _delivery(row: DeliveryRow) -> dict[str, Any]:
    from ledger.webhooks.endpoints import delivery_document

    return delivery_document(row)
