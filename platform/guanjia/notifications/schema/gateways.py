"""A tenant's own gateways in the API, and a message to try them with."""

import datetime as dt
from uuid import UUID

import strawberry
from strawberry.types import Info

from guanjia.audit.replay import keyed
from guanjia.db.ids import new_id
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, Refusal
from guanjia.graph.marks import requires
from guanjia.graph.payloads import mutation, payload
from guanjia.notifications import models, owngateways
from guanjia.notifications.notices import TESTED, tell
from guanjia.notifications.schema.inbox import Notification
from guanjia.notifications.schema.wording import OF_PROGRAM, NoticeChannel
from guanjia.notifications.wording import Ways


@strawberry.type(
    description="一个通道的网关。本租户没有自己的网关时,用平台的(url 为空,version 为 0)"
)
class NoticeGateway:
    channel: NoticeChannel
    own: bool = strawberry.field(description="是否本租户自己的")
    url: str | None = strawberry.field(description="本租户网关的地址")
    body: str | None = strawberry.field(description="短信网关的请求内容(JSON)")
    accepted: str | None = strawberry.field(description="短信网关接受消息时答复中所含的文字")
    changed_at: dt.datetime | None = strawberry.field(description="何时改过")
    version: int = strawberry.field(description="版本;没有自己的网关为 0")


@strawberry.input(description="设置本租户的网关;url 为空恢复平台的。密钥只写不读")
class SetNoticeGatewayInput:
    channel: NoticeChannel = strawberry.field(description="WEBHOOK 或 SMS")
    version: int = strawberry.field(description="所依据的版本;没有自己的网关为 0")
    url: str | None = strawberry.field(
        default=None, description="https 地址;不能在内部网络中,除非平台运维开放"
    )
    key: str | None = strawberry.field(
        default=None,
        description="签名密钥(HMAC-SHA-256),32 到 200 个英文字符;不给则保留原来的",
    )
    body: str | None = strawberry.field(
        default=None,
        description='短信的请求内容,JSON 对象,如 {"to": "{phone}", "content": "{text}"}',
    )
    accepted: str | None = strawberry.field(
        default=None, description='短信网关接受消息时答复中所含的文字,如 "code":"0"'
    )


@strawberry.input(description="向本人发一条测试消息,只走这一个通道,不受免打扰时段限制")
class SendTestNoticeInput:
    channel: NoticeChannel
    idempotency_key: str | None = None


@payload
class NoticeGatewaysPayload:
    """各通道的网关"""

    notice_gateways: list[NoticeGateway] | None


@payload
class SendTestNoticePayload:
    """测试消息;送达与否见其 deliveries 的 state 和 problem"""

    notification: Notification | None


async def _shown(info: Info, connection: object) -> list[NoticeGateway]:
    own = await owngateways.gateways_of(connection, info.context.tenant_id)
    return [
        NoticeGateway(
            channel=channel,
            own=row is not None,
            url=row["url"] if row else None,
            body=row["body"] if row else None,
            accepted=row["accepted"] if row else None,
            changed_at=row["changed_at"] if row else None,
            version=row["version"] if row else 0,
        )
        for channel, row in ((channel, own.get(channel)) for channel in models.GATEWAYS)
    ]


async def _gateways(self: None, info: Info) -> list[NoticeGateway]:
    async with info.context.reader.alone() as connection:
        return await _shown(info, connection)


async def _set_gateway(
    self: None, info: Info, input: SetNoticeGatewayInput, scope: "Scope"
) -> NoticeGatewaysPayload:
    context = info.context
    await owngateways.set_gateway(
        context.transaction,
        context.actor,
        scope,
        context.world.settings,
        owngateways.OwnGateway(
            channel=input.channel,
            url=input.url,
            key=input.key,
            body=input.body,
            accepted=input.accepted,
        ),
        version=input.version,
        now=context.now,
    )
    return NoticeGatewaysPayload(notice_gateways=await _shown(info, context.transaction.connection))


async def _send_test(
    self: None, info: Info, input: SendTestNoticeInput, scope: "Scope"
) -> SendTestNoticePayload:
    context, member = info.context, info.context.actor.membership_id

    async def effect() -> UUID:
        key = str(new_id())
        told = await tell(
            context.transaction, TESTED.code, recipients=[member], facts={}, key=key,
            now=context.now, ways=Ways(channels=(input.channel,)),
        )  # fmt: skip
        if not told:
            raise Refusal(BAD_USER_INPUT, "不能发给本人。")
        found: UUID = await context.transaction.connection.fetchval(
            "select id from notifications where tenant_id = $1 and kind = $2 and key = $3",
            context.tenant_id,
            TESTED.code,
            key,
        )
        return found

    row = await keyed(context.transaction, member, "send_test_notice", input, effect)
    return SendTestNoticePayload(notification=await context.reader.by_id("Notification", row))


@strawberry.type
class Query:
    notice_gateways: list[NoticeGateway] = strawberry.field(
        resolver=_gateways,
        description="短信等通道的网关:本租户自己的,或平台的",
        metadata=OF_PROGRAM,
        extensions=requires("notice:configure"),
    )


@strawberry.type
class Mutation:
    set_notice_gateway: NoticeGatewaysPayload = mutation(
        "notice:configure", "设置本租户自己的网关,或恢复平台的"
    )(_set_gateway)
    send_test_notice: SendTestNoticePayload = mutation(
        "notice:configure", "向本人发一条测试消息,检查一个通道"
    )(_send_test)
