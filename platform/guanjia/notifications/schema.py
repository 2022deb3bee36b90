"""The inbox in the API: each member sees what was told them."""

import datetime as dt
from enum import Enum

import strawberry
from strawberry.types import Info

from guanjia.graph.errors import BAD_USER_INPUT, Refusal
from guanjia.graph.filters import DateTimeFilter, by, filters, flag, known_id
from guanjia.graph.nodes import Connection, column, derived, node, root_connection, root_lookup
from guanjia.graph.payloads import mutation, payload
from guanjia.notifications import models
from guanjia.notifications.service import mark_read
from guanjia.reading.mapping import Order, SortKey
from guanjia.tenancy.schema import TextFilter

MOST_MARKED = 100


@filters
class NotificationsFilter:
    """通知筛选"""

    kind: TextFilter = by("kind")
    unread: bool = flag("{row}.read_at is null", "{row}.read_at is not null")
    created_at: DateTimeFilter = by("created_at")


@node(
    models.Notification,
    read="notification:read",
    reach=models.NOTIFICATION_REACH,
    orders=(
        Order("NEWEST", (SortKey("created_at", "time", True), SortKey("id", "uuid", True))),
        Order("OLDEST", (SortKey("created_at", "time"), SortKey("id", "uuid"))),
    ),
    filters=NotificationsFilter,
)
class Notification:
    """通知:发给本人的一条消息;不含任何受保护的信息"""

    id: strawberry.ID = column()
    kind: str = column("类别代码,例如 case.reminder")
    title: str = column("类别名称")
    body: str = column("正文,发出时已定")
    created_at: dt.datetime = column("发出时间")
    read_at: dt.datetime | None = column("本人阅读的时间;未读为空")
    unread: bool = derived("({row}.read_at is null)", "是否未读")


@strawberry.enum(description="最新在前;最早在前")
class NotificationOrder(Enum):
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


@strawberry.input(description="标记已读:ids 所列的,或 until(含)以前的全部;二者取一")
class MarkNotificationsReadInput:
    ids: list[strawberry.ID] | None = None
    until: dt.datetime | None = None


@payload
class MarkNotificationsReadPayload:
    """标记已读"""

    marked: int | None = strawberry.field(default=None, description="本次由未读变为已读的条数")


async def _mark_read(
    self: None, info: Info, input: MarkNotificationsReadInput
) -> MarkNotificationsReadPayload:
    context = info.context
    if (input.ids is None) == (input.until is None):
        raise Refusal(BAD_USER_INPUT, "请给出 ids 或 until 中的一项。", ("ids",))
    if input.ids is not None and len(input.ids) > MOST_MARKED:
        raise Refusal(BAD_USER_INPUT, f"一次最多标记{MOST_MARKED}条;更多请用 until。", ("ids",))
    marked = await mark_read(
        context.transaction,
        context.actor,
        ids=None if input.ids is None else [known_id(each, "ids") for each in input.ids],
        until=input.until,
        now=context.now,
    )
    return MarkNotificationsReadPayload(marked=marked)


@strawberry.type
class Query:
    notifications: Connection[Notification] = root_connection(
        Notification,
        permission="notification:read",
        filter_type=NotificationsFilter,
        order_type=NotificationOrder,
        description="本人的通知",
    )
    notification: Notification | None = root_lookup(
        Notification, permission="notification:read", description="本人的一条通知"
    )


@strawberry.type
class Mutation:
    mark_notifications_read: MarkNotificationsReadPayload = mutation(
        "notification:read", "把本人的通知标记为已读;已读的不变"
    )(_mark_read)
