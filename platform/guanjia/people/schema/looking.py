"""What the mutations that show protected values in full have in common."""

from __future__ import annotations

from typing import Any

from guanjia.audit.service import record
from guanjia.graph.errors import Refusal
from guanjia.graph.payloads import UserError
from guanjia.people.vault import Vault, vault_of


def vault(context: Any) -> Vault:
    found: Vault = vault_of(context.world.settings)
    return found


def looks_per_hour(context: Any) -> int:
    limit: int = context.world.settings.reveals_per_hour
    return limit


async def denied(context: Any, action: str, permission: str, refusal: Refusal) -> list[UserError]:
    """The refusal is on record and answered, not raised, so that the record stays."""
    await record(
        context.transaction,
        actor=context.actor,
        action=action,
        permission=permission,
        result="DENIED",
    )
    field = list(refusal.field) or None
    return [UserError(code=refusal.code, message=refusal.message, field=field)]
