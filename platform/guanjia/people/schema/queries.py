"""Queries on persons."""

from enum import Enum

import strawberry
from strawberry.types import Info

from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, Denied, Refusal
from guanjia.graph.marks import requires
from guanjia.graph.nodes import Connection, root_connection, root_lookup
from guanjia.people import service
from guanjia.people.schema.types import (
    DocumentKind,
    Person,
    PersonDuplicate,
    PersonFilter,
    RetentionRule,
    RetentionRuleFilter,
)
from guanjia.people.vault import vault_of
from guanjia.reading.mapping import METADATA, Unplanned


@strawberry.enum(description="自然人排序:最新登记在前、最早登记在前")
class PersonOrder(Enum):
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


async def _find_person(
    self: None, info: Info, kind: DocumentKind, number: str, scope: "Scope"
) -> Person | None:
    context = info.context
    try:
        async with context.reader.alone() as connection:
            found = await service.find_person(
                connection,
                vault_of(context.world.settings),
                scope,
                context.tenant_id,
                kind,
                number,
                context.now,
            )
    except Refusal as refusal:
        raise Denied(BAD_USER_INPUT, refusal.message) from None
    person: Person | None = await context.reader.by_id("Person", found)
    return person


async def _duplicates(self: None, info: Info, scope: "Scope") -> list[PersonDuplicate]:
    context = info.context
    async with context.reader.alone() as connection:
        pairs = await service.find_duplicates(connection, scope, context.tenant_id)
    found = []
    for pair in pairs:
        first = await context.reader.by_id("Person", pair.first)
        second = await context.reader.by_id("Person", pair.second)
        if first is not None and second is not None:
            found.append(PersonDuplicate(first=first, second=second, reasons=list(pair.reasons)))
    return found


@strawberry.enum(description="按代码")
class RetentionRuleOrder(Enum):
    CODE = "CODE"


@strawberry.type
class Query:
    persons: Connection[Person] = root_connection(
        Person,
        permission="person:read",
        filter_type=PersonFilter,
        order_type=PersonOrder,
        description="可读的自然人",
    )
    person: Person | None = root_lookup(
        Person, permission="person:read", description="一个自然人;不存在或不可读时为空"
    )
    find_person: Person | None = strawberry.field(
        resolver=_find_person,
        description="持有此证件的人;不存在或不在您的辖区时为空",
        metadata={METADATA: Unplanned("the blind index is keyed outside the database")},
        extensions=requires("person:find"),
    )
    person_duplicates: list[PersonDuplicate] = strawberry.field(
        resolver=_duplicates,
        description="辖区内同名而可能是同一人的,最多 50 对;由人认定后 mergePersons",
        metadata={METADATA: Unplanned("pairs of rows, no list of one type")},
        extensions=requires("person:merge"),
    )
    retention_rules: Connection[RetentionRule] = root_connection(
        RetentionRule,
        permission="retention:read",
        filter_type=RetentionRuleFilter,
        order_type=RetentionRuleOrder,
        description="各类数据的保存期限",
    )
