"""Mutations on persons. Each is one use-case of `people.service`."""

import datetime as dt
from typing import Any

import strawberry
from strawberry.types import Info

from guanjia.audit.service import record
from guanjia.db.scope import Scope
from guanjia.graph.filters import known_id
from guanjia.graph.payloads import UserError, mutation, payload
from guanjia.people import service
from guanjia.people.drafts import Given
from guanjia.people.schema.types import DocumentKind, Person, Sex
from guanjia.people.vault import Vault, vault_of


@strawberry.input(description="证件")
class DocumentInput:
    kind: DocumentKind
    number: str


@strawberry.input(description="登记一个人")
class RegisterPersonInput:
    name: str
    region_id: strawberry.ID = strawberry.field(description="居住的网格或社区")
    documents: list[DocumentInput] = strawberry.field(default_factory=list)
    phones: list[str] = strawberry.field(default_factory=list, description="首个为常用")
    sex: Sex | None = strawberry.field(default=None, description="缺省取自公民身份号码")
    birth_date: dt.date | None = strawberry.field(default=None, description="缺省取自公民身份号码")
    address: str | None = None
    idempotency_key: str | None = strawberry.field(default=None, description="同一个键只登记一次")


@payload
class RegisterPersonPayload:
    """登记的人"""

    person: Person | None
    existing: Person | None


def _vault(info: Info) -> Vault:
    return vault_of(info.context.world.settings)


def _given(documents: list[DocumentInput]) -> list[Given]:
    return [Given(d.kind, d.number) for d in documents]


async def _register(
    self: None, info: Info, input: RegisterPersonInput, scope: "Scope"
) -> RegisterPersonPayload:
    context = info.context
    try:
        person_id = await service.register_person(
            context.transaction,
            _vault(info),
            context.actor,
            scope,
            name=input.name,
            region_id=known_id(input.region_id, "regionId"),
            now=context.now,
            documents=_given(input.documents),
            phones=input.phones,
            sex=input.sex,
            birth_date=input.birth_date,
            address=input.address,
            idempotency_key=input.idempotency_key,
        )
    except service.AlreadyRegistered as known:
        return await _known(context, known, scope)
    return RegisterPersonPayload(person=await context.reader.by_id("Person", person_id))


async def _known(
    context: Any, known: service.AlreadyRegistered, scope: "Scope"
) -> RegisterPersonPayload:
    """The refusal, with the person for those who may read them. It stays in the audit record:
    it tells that a document is registered."""
    await record(
        context.transaction,
        actor=context.actor,
        action="person.already_registered",
        permission=scope.permission,
        result="DENIED",
    )
    return RegisterPersonPayload(
        existing=await context.reader.by_id("Person", known.person_id),
        user_errors=[UserError(code=known.code, message=known.message, field=list(known.field))],
    )


@strawberry.type
class Mutation:
    register_person: RegisterPersonPayload = mutation("person:register", "登记一个人")(_register)
