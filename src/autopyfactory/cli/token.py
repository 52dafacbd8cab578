"""``apf token``: who may read, operate and report through the web."""

import secrets
from datetime import datetime, timedelta
from typing import Annotated

import typer

from autopyfactory.api import SystemClock
from autopyfactory.cli.common.ages import ago
from autopyfactory.cli.common.configuration import load_config
from autopyfactory.cli.common.failure import Failure
from autopyfactory.cli.common.operators import entry, with_desk
from autopyfactory.cli.common.options import ConfigOption, JsonOption
from autopyfactory.cli.common.output import Column, note, out, print_json, table
from autopyfactory.cli.common.stores import with_store
from autopyfactory.model import ApiToken, Scope

ABOUT = "Tokens of the web: who may read, operate and report."
CREATE_EXAMPLES = (
    "apf token create dashboard --scope read",
    "apf token create ann --scope operate --days 90",
)
LIST_EXAMPLES = ("apf token list", "apf token list --json")
REVOKE_EXAMPLES = ("apf token revoke 7f3a9c21",)


def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is; stands in the audit trail.")],
    scope: Annotated[list[Scope], typer.Option("--scope", help="What it may do; may be repeated.")],
    config: ConfigOption = None,
    days: Annotated[
        int | None,
        typer.Option(min=1, max=3650, metavar="N", help="How long it is good; left out: until revoked."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token, and print it: this is the only time that it is shown.

    The store keeps its hash alone.  Clients send it as "Authorization: Bearer TOKEN".
    """
    from autopyfactory.web import digest, new_token

    loaded = load_config(config)
    now, secret = SystemClock().now(), new_token()
    made = ApiToken(
        secrets.token_hex(4),
        name,
        digest(secret),
        frozenset(scope),
        now,
        now + timedelta(days=days) if days else None,
    )
    done = entry("token.create", made.id, f"{name}: {', '.join(sorted(made.scopes))}")
    with_desk(loaded, lambda store: store.add_token(made, done))
    if as_json:
        print_json({"id": made.id, "token": secret, "expires_at": made.expires_at})
        return
    note(f"token {made.id} of {name}; it is not shown again:")
    typer.echo(secret)


def listing(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List all tokens: whose they are and what they may do, never what they are."""
    now = SystemClock().now()
    found = with_store(load_config(config), lambda store: store.tokens())
    if as_json:
        shown = [
            {
                "id": token.id,
                "name": token.name,
                "scopes": sorted(token.scopes),
                "created_at": token.created_at,
                "expires_at": token.expires_at,
                "revoked_at": token.revoked_at,
                "refusal": token.refusal(now),
            }
            for token in found
        ]
        print_json({"tokens": shown})
        return
    out().print(
        table(
            [
                Column("token", whole=True),
                Column("name"),
                Column("may"),
                Column("made", whole=True),
                Column("state"),
            ],
            [
                (
                    token.id,
                    token.name,
                    ", ".join(sorted(token.scopes)),
                    ago(token.created_at, now),
                    token.refusal(now)
                    or (f"ends {ago(token.expires_at, now)}" if token.expires_at else "good"),
                )
                for token in found
            ],
        )
    )


def _end(token: ApiToken, now: datetime) -> str:
    return f"ends {ago(token.expires_at, now)}" if token.expires_at else "good"


def revoke(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, as apf token list shows it.")],
    config: ConfigOption = None,
) -> None:
    """Revoke a token: from now on it is refused."""
    now = SystemClock().now()
    done = entry("token.revoke", token)
    if not with_desk(load_config(config), lambda store: store.revoke_token(token, now, done)):
        raise Failure(f'there is no token "{token}" that could be revoked; "apf token list" shows them')
    note(f"token {token} is revoked")
