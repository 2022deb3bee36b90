"""The inbox in the API: each member sees what was told them."""

import datetime as dt
from collections.abc import AsyncGenerator
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID
from weakref import ReferenceType, WeakKeyDictionary, ref

import strawberry
from strawberry.dataloader import DataLoader
from strawberry.types import Info

from guanjia.graph.errors import BAD_USER_INPUT, Refusal
from guanjia.graph.filters import DateTimeFilter, by, filters, flag, known_id
from guanjia.graph.marks import subscription
from guanjia.graph.nodes import (
    Connection,
    column,
    derived,
    many,
    node,
    root_connection,
    root_lookup,
)
from guanjia.graph.payloads import mutation, payload
from guanjia.notifications import models
from guanjia.notifications.notices import RECEIVED
from guanjia.notifications.schema.wording import NoticeChannel
from guanjia.notifications.service import mark_read
from guanjia.reading.mapping import METADATA, NODES, Unplanned, by_age
from guanjia.tenancy.schema import TextFilter

MOST_MARKED = 100


@filters
class NotificationsFilter:
    """通知筛选"""

    kind: TextFilter = by("kind")
    unread: bool = flag("{row}.read_at is null", "{row}.read_at is not null")
    created_at: DateTimeFilter = by("created_at")


DeliveryState = strawberry.enum(
    models.DeliveryState, name="NotificationDeliveryState", description=models.DeliveryState.__doc__
)


@node(
    models.NotificationDelivery,
    read="notification:read",
    reach=models.DELIVERY_REACH,
)
class NotificationDelivery:
    """一条通知经一个通道的发送"""

    id: strawberry.ID = column()
    channel: NoticeChannel = column("通道")
    state: DeliveryState = derived(models.STATE_SQL, "待发、已发、多次失败、不发")
    due_at: dt.datetime = column("应发的时间;免打扰时段内顺延")
    sent_at: dt.datetime | None = column("通道接受的时间")
    problem: str | None = derived(models.PROBLEM_SQL, "至今未送达的原因;已发或尚未试发的为空")


@strawberry.type(description="通知所说的对象:类型与标识,可用相应的查询读取")
class NotificationSubject:
    type: str = strawberry.field(description="类型,例如 Case")
    id: strawberry.ID


_SUBJECTS = (
    "select id, subject_type, subject_id from notifications where tenant_id = $1 and id = any($2)"
)
_LOADERS: WeakKeyDictionary[Any, DataLoader[UUID, NotificationSubject | None]] = WeakKeyDictionary()


async def _subject(self: Any, info: Info) -> NotificationSubject | None:
    """What the notice is about. All of a page are found together: a statement for the notices and
    one for each type they are about."""
    reader = info.context.reader
    if reader not in _LOADERS:
        _LOADERS[reader] = DataLoader(load_fn=partial(_subjects, ref(reader)), cache=False)
    return await _LOADERS[reader].load(self["id"])


async def _subjects(
    reading: ReferenceType[Any], ids: list[UUID]
) -> list[NotificationSubject | None]:
    reader = reading()
    assert reader is not None, "whoever waits holds it"
    async with reader.alone() as connection:
        rows = await connection.fetch(_SUBJECTS, reader.tenant_id, ids)
    about: dict[str, dict[UUID, UUID]] = {}
    for row in rows:
        if row["subject_type"] in NODES:
            about.setdefault(row["subject_type"], {})[row["id"]] = row["subject_id"]
    found: dict[UUID, NotificationSubject] = {}
    for name, subjects in about.items():
        readable = await reader.readable(name, set(subjects.values()))
        for notice, subject in subjects.items():
            if subject in readable:
                found[notice] = NotificationSubject(type=name, id=strawberry.ID(str(subject)))
    return [found.get(each) for each in ids]


@node(
    models.Notification,
    read="notification:read",
    reach=models.NOTIFICATION_REACH,
    orders=by_age("created_at"),
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
    subject: NotificationSubject | None = strawberry.field(
        resolver=_subject,
        description="所说的对象;您不能读取它时为空",
        metadata={METADATA: Unplanned("a row of one of many types, in the scope of its own")},
    )
    deliveries: list[NotificationDelivery] = many(
        "NotificationDelivery",
        "notification_id",
        (("channel", "asc"),),
        "经其他通道的发送",
        through="notification:read",
    )


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


async def _received(self: None, info: Info) -> AsyncGenerator[Notification, None]:
    context = info.context
    async with context.subscribed("notification:read", RECEIVED, own=True) as received:
        async for notification_id in received:
            row = await context.reader.by_id("Notification", notification_id)
            if row is not None:
                yield row  # type: ignore[misc]  # rows stand for their node type


@strawberry.type
class Subscription:
    notification_received: AsyncGenerator[Notification, None] = subscription(
        "notification:read", "本人收到的每一条新通知"
    )(_received)


@strawberry.type
class Mutation:
    mark_notifications_read: MarkNotificationsReadPayload = mutation(
        "notification:read", "把本人的通知标记为已读;已读的不变"
    )(_mark_read)
