"""Notes that correct an archived case."""

import strawberry
from strawberry.types import Info

from guanjia.audit.replay import keyed
from guanjia.cases import service
from guanjia.cases.schema.types import Case, CaseEvent
from guanjia.db.scope import Scope
from guanjia.graph.filters import known_id
from guanjia.graph.payloads import mutation, payload


@strawberry.input(description="更正一个已归档的案件:案件不变,说明记入经过")
class AddCorrectionNoteInput:
    id: strawberry.ID
    text: str = strawberry.field(description="更正内容,最长 2000 字")
    reason: str = strawberry.field(description="更正的理由")
    idempotency_key: str = strawberry.field(description="同一个键只记一次")


@payload
class AddCorrectionNotePayload:
    """案件与更正说明"""

    case: Case | None
    note: CaseEvent | None


async def _add(
    self: None, info: Info, input: AddCorrectionNoteInput, scope: "Scope"
) -> AddCorrectionNotePayload:
    context, case_id = info.context, known_id(input.id, "id")
    event_id = await keyed(
        context.transaction,
        context.actor.membership_id,
        "addCorrectionNote",
        input,
        lambda: service.add_correction_note(
            context.transaction,
            context.actor,
            scope,
            id=case_id,
            now=context.now,
            text=input.text,
            reason=input.reason,
        ),
    )
    return AddCorrectionNotePayload(
        case=await context.reader.by_id("Case", case_id),
        note=await context.reader.by_id("CaseEvent", event_id),
    )


@strawberry.type
class Mutation:
    add_correction_note: AddCorrectionNotePayload = mutation(
        "case:correct", "为已归档的案件补记更正说明(T22)"
    )(_add)
