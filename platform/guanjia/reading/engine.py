"""Running a query on the compiled path: bind, one round trip, bytes.

The engine may only decline, never diverge: whatever it does not plan is left to the stock executor
by raising `Decline`, and the reasons are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any, Protocol
from uuid import UUID

from guanjia.db.scope import Scope, breadth
from guanjia.reading import cursors
from guanjia.reading.documents import Documents
from guanjia.reading.mapping import NODES, Connect, Node, Order
from guanjia.reading.selection import Selected
from guanjia.reading.values import Decline

FetchJson = Callable[[str, list[Any]], Awaitable[bytes | None]]


class Asker(Protocol):
    """What the engine needs to know of an actor."""

    @property
    def tenant_id(self) -> UUID: ...
    @property
    def membership_id(self) -> UUID: ...
    @property
    def session_id(self) -> UUID | None: ...
    @property
    def epoch(self) -> int: ...

    def scope(self, permission: str) -> Scope: ...

    def permissions(self) -> frozenset[str]: ...


class Caller:
    """An actor as the engine sees it: scopes at hand, and a signature for the plan cache.

    Two callers with one signature get one plan: for each permission the breadth of its region
    subtrees, the depth of the first and whether all have it, and whether organisations and own
    rows count.
    """

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self._scopes: dict[str, Scope] = {}

    @cached_property
    def signature(self) -> int:
        """Found out by whoever reads by a plan: a mutation asks for one scope of hundreds."""
        return _signature({name: self.scope(name) for name in self.actor.permissions()})

    def scope(self, permission: str) -> Scope:
        if permission not in self._scopes:
            self._scopes[permission] = self.actor.scope(permission)
        return self._scopes[permission]

    def shape(self, permission: str, node: Node) -> tuple[str, ...]:
        return self.scope(permission).shape(node.reach)


class Run:
    """One execution: where the binders of a plan find their values."""

    __slots__ = ("caller", "secret", "variables")

    def __init__(self, caller: Caller, variables: dict[str, Any], secret: bytes) -> None:
        self.caller = caller
        self.variables = variables
        self.secret = secret

    @property
    def actor(self) -> Asker:
        asker: Asker = self.caller.actor
        return asker

    def scope(self, permission: str) -> Scope:
        return self.caller.scope(permission)

    def cursor_key(self, node: Node, order: Order) -> cursors.CursorKey:
        return cursors.key_for(self.secret, self.actor.tenant_id, node.name, order)

    def cursor(self, chosen: Selected, name: str, order: Order) -> list[Any]:
        mapped = chosen.mapping
        assert isinstance(mapped, Connect)
        try:
            key = self.cursor_key(NODES[mapped.node], order)
            return cursors.decode(key, order, chosen.reader((name,))(self))
        except cursors.BadCursor:
            raise Decline("cursor") from None


class Engine:
    """Compiles and runs queries; `declined` counts the reasons for not doing so."""

    def __init__(self, documents: Documents, secret: bytes) -> None:
        self._documents = documents
        self._secret = secret
        self.declined: Counter[str] = Counter()
        self.planned = 0

    async def run(
        self,
        fetch: FetchJson,
        caller: Caller,
        query: str,
        operation_name: str | None,
        variables: Any,
    ) -> bytes | None:
        """The JSON of `data`; None when the caller's rights changed since they were loaded."""
        try:
            sql, arguments = self.bind(caller, query, operation_name, variables)
        except Decline as decline:
            raise self.decline(decline.reason) from None
        data = await fetch(sql, arguments)
        self.planned += data is not None
        return data

    def decline(self, reason: str) -> Decline:
        """The refusal to raise; its reason is counted."""
        self.declined[reason] += 1
        return Decline(reason)

    def bind(
        self, caller: Caller, query: str, operation_name: str | None, variables: Any
    ) -> tuple[str, list[Any]]:
        """The statement and its arguments, or Decline."""
        prepared = self._documents.prepare(query, operation_name)
        given = prepared.variables(variables)
        plan = prepared.plan(NODES, given, caller.signature, caller.shape)
        for permission in plan.demands:
            if not caller.scope(permission):
                raise Decline("forbidden")
        actor = caller.actor
        run = Run(caller, given.values, self._secret)
        return plan.sql, [
            str(actor.tenant_id),
            actor.tenant_id,
            actor.epoch,
            actor.session_id,
            *plan.arguments(run),
        ]


_SIGNATURES: dict[Any, int] = {}


def _signature(scopes: dict[str, Scope]) -> int:
    """A small number for the form of all scopes of an actor."""
    form = tuple(sorted((name, _form(scope)) for name, scope in scopes.items()))
    return _SIGNATURES.setdefault(form, len(_SIGNATURES))


def _form(scope: Scope) -> tuple[int, int, bool, bool, bool]:
    """What of a scope decides its shape in any table."""
    paths = scope.paths
    depth = len(paths[0]) if paths else 0
    even = all(len(path) == depth for path in paths)
    return (breadth(len(paths)), depth, even, bool(scope.organisations), scope.mine)
