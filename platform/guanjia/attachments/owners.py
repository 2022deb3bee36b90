"""What attachments can hang on. The module that knows the rows says so once.

Whoever may read the row may read what hangs on it: `node` names the row's type, and its scope is
the attachment's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.db.scope import Scope
from guanjia.reading.mapping import NODES


@dataclass(frozen=True, slots=True)
class Owner:
    """noun: as stored at the attachment. most: how many may hang on one row."""

    noun: str
    node: str
    most: int = 20


_OWNERS: dict[str, Owner] = {}


def carries(owner: Owner) -> None:
    """Attachments can hang on its rows from now on."""
    _OWNERS[owner.noun] = owner


def owner_of(noun: str) -> Owner | None:
    return _OWNERS.get(noun)


def permission_of(noun: str) -> str | None:
    """The permission with which what hangs on the noun is read."""
    owner = _OWNERS.get(noun)
    return NODES[owner.node].read if owner else None


async def readable(
    connection: Any, tenant_id: UUID, scope: Scope, noun: str, owner_id: UUID
) -> bool:
    """Whether the row that carries it lies in the scope of its own read permission."""
    owner = _OWNERS.get(noun)
    if owner is None:
        return False
    node = NODES[owner.node]
    values: list[Any] = [tenant_id, owner_id]

    def bind(value: Any, kind: str) -> str:
        values.append(value)
        return f"${len(values)}::{kind}"

    reach = scope.predicate(node.reach, "o", "$1", bind)
    found: bool = await connection.fetchval(
        f"select exists (select 1 from {node.table} o where o.tenant_id = $1 and o.id = $2"
        f" and {reach})",
        *values,
    )
    return found
