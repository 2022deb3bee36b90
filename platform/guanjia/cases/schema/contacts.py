"""A look at whom to call about a case, with its purpose on record."""

import strawberry
from strawberry.types import Info

from guanjia.cases import service
from guanjia.cases.service.contacts import REVEAL
from guanjia.db.scope import Scope
from guanjia.graph.errors import not_found
from guanjia.graph.filters import known_id
from guanjia.graph.payloads import mutation, payload
from guanjia.people.schema.looking import denied, looks_per_hour, vault
from guanjia.people.service import TooManyLooks


@strawberry.input(description="查看联系方式;须说明用途,有次数限制,记入审计")
class RevealCaseContactInput:
    id: strawberry.ID
    purpose: str = strawberry.field(description="用途说明,4 到 200 个字,不要填写号码")


@payload
class RevealCaseContactPayload:
    """完整的联系方式"""

    contact_name: str | None
    contact_phone: str | None


async def _reveal_contact(
    self: None, info: Info, input: RevealCaseContactInput, scope: "Scope"
) -> RevealCaseContactPayload:
    context = info.context
    row = await context.reader.by_id("Case", known_id(input.id, "id"))
    if row is None or not await context.reader.allows(scope.permission, row):
        raise not_found("案件", "id")
    try:
        contact = await service.reveal_contact(
            context.transaction,
            vault(context),
            context.actor,
            row,
            permission=scope.permission,
            purpose=input.purpose,
            limit=looks_per_hour(context),
            now=context.now,
        )
    except TooManyLooks as refusal:
        return RevealCaseContactPayload(
            user_errors=await denied(context, REVEAL, scope.permission, refusal)
        )
    return RevealCaseContactPayload(contact_name=contact.name, contact_phone=contact.phone)


@strawberry.type
class Mutation:
    reveal_case_contact: RevealCaseContactPayload = mutation(
        "case:read_contact", "查看联系方式,有次数限制,记入审计"
    )(_reveal_contact)
