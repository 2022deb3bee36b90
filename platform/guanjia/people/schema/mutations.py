"""Mutations on persons. Each is one use-case of `people.service`."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import strawberry
from strawberry.types import Info

from guanjia.db.scope import Scope
from guanjia.graph.filters import known_id
from guanjia.graph.payloads import mutation, payload
from guanjia.people import service
from guanjia.people.drafts import Given
from guanjia.people.schema.looking import denied, looks_per_hour, vault
from guanjia.people.schema.types import (
    DocumentKind,
    ErasureReason,
    Person,
    PersonField,
    RevealPurpose,
    Sex,
)


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


@strawberry.input(description="一个人;version 为所见的版本")
class PersonStepInput:
    id: strawberry.ID
    version: int


@strawberry.input(description="更改登记:只改给出的各项")
class ChangePersonInput(PersonStepInput):
    name: str | None = strawberry.UNSET
    region_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="迁居:前后都须在您的辖区内"
    )
    sex: Sex | None = strawberry.UNSET
    birth_date: dt.date | None = strawberry.UNSET
    address: str | None = strawberry.field(
        default=strawberry.UNSET, description="为 null 时删去住址"
    )
    phones: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="全部电话,首个为常用"
    )
    add_documents: list[DocumentInput] | None = strawberry.UNSET
    remove_document_ids: list[strawberry.ID] | None = strawberry.UNSET


@strawberry.input(description="此人以哪个成员身份登录;为 null 时解除")
class LinkPersonMemberInput(PersonStepInput):
    member_id: strawberry.ID | None = None


@strawberry.input(description="删除一个人的全部信息,不能恢复")
class ErasePersonInput(PersonStepInput):
    reason: ErasureReason


@strawberry.input(description="认定两行是同一人:merged 并入 kept")
class MergePersonsInput:
    kept_id: strawberry.ID
    kept_version: int
    merged_id: strawberry.ID
    merged_version: int
    reason: str


@strawberry.input(description="查看完整的受保护字段;须说明用途,有次数限制,记入审计")
class RevealPersonFieldInput:
    person_id: strawberry.ID
    field: PersonField
    purpose: RevealPurpose
    note: str = strawberry.field(description="用途说明,4 到 200 个字,不要填写号码")


@strawberry.type(description="一项完整的值;id 为其证件或电话")
class RevealedValue:
    id: strawberry.ID | None
    kind: str | None
    value: str


@payload
class PersonPayload:
    """登记的人"""

    person: Person | None


@payload
class RevealPersonFieldPayload:
    """完整的值,不要另行保存"""

    values: list[RevealedValue] | None


@payload
class RegisterPersonPayload:
    """登记的人"""

    person: Person | None
    existing: Person | None


def _given(documents: list[DocumentInput]) -> list[Given]:
    return [Given(d.kind, d.number) for d in documents]


async def _register(
    self: None, info: Info, input: RegisterPersonInput, scope: "Scope"
) -> RegisterPersonPayload:
    context = info.context
    try:
        person_id = await service.register_person(
            context.transaction,
            vault(context),
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
    """The refusal, with the person for those who may read them. It tells that a document is
    registered, so it counts as a look and stays in the audit record."""
    try:
        await service.count_look(
            context.transaction, context.actor, looks_per_hour(context), context.now
        )
    except service.TooManyLooks as refusal:
        return RegisterPersonPayload(
            user_errors=await denied(
                context, "person.already_registered", scope.permission, refusal
            )
        )
    answer = await denied(context, "person.already_registered", scope.permission, known)
    return RegisterPersonPayload(
        existing=await context.reader.by_id("Person", known.person_id), user_errors=answer
    )


async def _change(
    self: None, info: Info, input: ChangePersonInput, scope: "Scope"
) -> PersonPayload:
    context, person_id = info.context, known_id(input.id, "id")
    await service.change_person(
        context.transaction,
        vault(context),
        context.actor,
        scope,
        id=person_id,
        version=input.version,
        changes=_changes(input),
        now=context.now,
    )
    return PersonPayload(person=await context.reader.by_id("Person", person_id))


def _changes(given: ChangePersonInput) -> Mapping[str, Any]:
    """What the input gives, by the names of the use-case."""
    found: dict[str, Any] = {
        name: getattr(given, name)
        for name in ("name", "sex", "birth_date", "address")
        if getattr(given, name) is not strawberry.UNSET
    }
    if given.region_id:
        found["region_id"] = known_id(given.region_id, "regionId")
    if given.phones is not strawberry.UNSET:
        found["phones"] = given.phones or []
    if given.add_documents:
        found["documents"] = _given(given.add_documents)
    if given.remove_document_ids:
        found["removed"] = [
            known_id(text, "removeDocumentIds") for text in given.remove_document_ids
        ]
    return found


async def _link(
    self: None, info: Info, input: LinkPersonMemberInput, scope: "Scope"
) -> PersonPayload:
    context, person_id = info.context, known_id(input.id, "id")
    await service.link_member(
        context.transaction,
        vault(context),
        context.actor,
        scope,
        id=person_id,
        version=input.version,
        member_id=known_id(input.member_id, "memberId") if input.member_id else None,
        now=context.now,
    )
    return PersonPayload(person=await context.reader.by_id("Person", person_id))


async def _erase(self: None, info: Info, input: ErasePersonInput, scope: "Scope") -> PersonPayload:
    context, person_id = info.context, known_id(input.id, "id")
    await service.erase_person(
        context.transaction,
        vault(context),
        context.actor,
        scope,
        id=person_id,
        version=input.version,
        reason=input.reason,
        now=context.now,
    )
    return PersonPayload(person=await context.reader.by_id("Person", person_id))


async def _merge(self: None, info: Info, input: MergePersonsInput, scope: "Scope") -> PersonPayload:
    context, kept_id = info.context, known_id(input.kept_id, "keptId")
    await service.merge_persons(
        context.transaction,
        vault(context),
        context.actor,
        scope,
        kept_id=kept_id,
        kept_version=input.kept_version,
        merged_id=known_id(input.merged_id, "mergedId"),
        merged_version=input.merged_version,
        reason=input.reason,
        now=context.now,
    )
    return PersonPayload(person=await context.reader.by_id("Person", kept_id))


async def _reveal(
    self: None, info: Info, input: RevealPersonFieldInput, scope: "Scope"
) -> RevealPersonFieldPayload:
    context = info.context
    if input.field in service.SENSITIVE:
        scope = await context.scope("person:reveal_sensitive")
    try:
        found = await service.reveal_field(
            context.transaction,
            vault(context),
            context.actor,
            scope,
            person_id=known_id(input.person_id, "personId"),
            field=input.field,
            purpose=input.purpose,
            note=input.note,
            limit=looks_per_hour(context),
            now=context.now,
        )
    except service.TooManyLooks as refusal:
        return RevealPersonFieldPayload(
            user_errors=await denied(context, "person.reveal", scope.permission, refusal)
        )
    return RevealPersonFieldPayload(
        values=[
            RevealedValue(
                id=strawberry.ID(str(item.id)) if item.id else None,
                kind=item.kind,
                value=item.value,
            )
            for item in found
        ]
    )


@strawberry.type
class Mutation:
    register_person: RegisterPersonPayload = mutation("person:register", "登记一个人")(_register)
    change_person: PersonPayload = mutation("person:change", "更改登记")(_change)
    link_person_member: PersonPayload = mutation(
        "person:link_member", "关联或解除此人登录所用的成员身份"
    )(_link)
    merge_persons: PersonPayload = mutation("person:merge", "认定两行是同一人,合并")(_merge)
    erase_person: PersonPayload = mutation(
        "person:erase", "删除一个人的全部信息:销毁其密钥,只留空行"
    )(_erase)
    reveal_person_field: RevealPersonFieldPayload = mutation(
        "person:reveal", "查看完整的受保护字段,记入审计;残疾人证另须 person:reveal_sensitive"
    )(_reveal)
