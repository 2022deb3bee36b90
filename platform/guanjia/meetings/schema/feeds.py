"""The secret address of a member's calendar, made and revoked in the API."""

import strawberry
from strawberry.types import Info

from guanjia.db.scope import Scope
from guanjia.graph.payloads import mutation, payload
from guanjia.meetings.service import feeds as service


@strawberry.input(description="日历订阅:active 为真时换发一个新地址,为假时停用;旧地址都随即失效")
class SetCalendarFeedInput:
    active: bool


@payload
class CalendarFeedPayload:
    """日历订阅"""

    path: str | None = strawberry.field(
        default=None, description="订阅地址的路径,只显示这一次;凭它即可读您可读的会议,请勿外传"
    )


async def _set(
    self: None, info: Info, input: SetCalendarFeedInput, scope: "Scope"
) -> CalendarFeedPayload:
    context = info.context
    step = service.create_calendar_feed if input.active else service.revoke_calendar_feed
    path = await step(context.transaction, context.actor, scope, now=context.now)
    return CalendarFeedPayload(path=path)


@strawberry.type
class Mutation:
    set_calendar_feed: CalendarFeedPayload = mutation(
        "meeting:read", "换发或停用日历(iCalendar)订阅地址"
    )(_set)
