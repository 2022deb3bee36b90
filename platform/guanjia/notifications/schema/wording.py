"""How a tenant tells its members, in the API: kinds and their words, settings, choices."""

import datetime as dt

import strawberry
from strawberry.types import Info

from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, Denied, Refusal
from guanjia.graph.marks import requires
from guanjia.graph.payloads import mutation, payload
from guanjia.graph.texts import text
from guanjia.notifications import models, notices, wording
from guanjia.reading.mapping import METADATA, Unplanned

NoticeChannel = strawberry.enum(
    models.NoticeChannel, name="NoticeChannel", description=models.NoticeChannel.__doc__
)
OF_PROGRAM = {METADATA: Unplanned("definitions of the program with the tenant's words, no rows")}
SMS_ALONE, SMS_PART = 70, 67
"""Characters of one text message in UCS-2, and of each part of a longer one (3GPP TS 23.040)."""


@strawberry.type(description="通知的一种:何事、内容、措辞")
class NoticeKind:
    code: str
    title: str
    facts: list[str] = strawberry.field(description="模板中可用的内容,写作 {名称}")
    urgent: bool = strawberry.field(description="紧急:不受免打扰时段限制")
    default_template: str = strawberry.field(description="默认模板")
    template: str = strawberry.field(description="现用模板")
    version: int = strawberry.field(description="本租户模板的版本;从未改过为 0")
    my_channels: list[NoticeChannel] = strawberry.field(
        description="本人除站内通知外还会收到的通道"
    )


@strawberry.type(description="模板预览:以示例内容填写")
class NoticePreview:
    text: str | None = None
    characters: int | None = strawberry.field(default=None, description="字数")
    sms_parts: int | None = strawberry.field(
        default=None, description="短信条数:70 字以内一条,超过的每 67 字一条"
    )
    problem: str | None = strawberry.field(default=None, description="不能使用的原因")


@strawberry.type(description="通知设置。未设置过的租户用默认值,version 为 0")
class NoticeSettings:
    version: int
    channels: list[NoticeChannel] = strawberry.field(description="站内之外提供的通道")
    quiet_from: dt.time = strawberry.field(description="免打扰开始;此时段内短信等顺延")
    quiet_until: dt.time = strawberry.field(description="免打扰结束")
    keep_days: int = strawberry.field(description="保存天数")


@strawberry.input(description="设置某种通知的模板;template 为空恢复默认")
class SetNoticeTemplateInput:
    kind: str
    version: int = strawberry.field(description="所依据的版本;从未改过为 0")
    template: str | None = None


@strawberry.input(description="通知设置")
class SetNoticeSettingsInput:
    version: int = strawberry.field(description="所依据的版本;从未设置过为 0")
    channels: list[NoticeChannel]
    quiet_from: dt.time
    quiet_until: dt.time
    keep_days: int


@strawberry.input(description="本人对某种通知所要的通道;站内通知总会收到")
class SetNoticePreferenceInput:
    kind: str
    channels: list[NoticeChannel]


@payload
class NoticeKindPayload:
    """通知的一种"""

    notice_kind: NoticeKind | None


@payload
class NoticeSettingsPayload:
    """通知设置"""

    notice_settings: NoticeSettings | None


async def _told(info: Info) -> list[NoticeKind]:
    """Every kind, as the tenant says it and the asker gets it."""
    context = info.context
    async with context.reader.alone() as connection:
        own = await wording.templates_of(connection, context.tenant_id)
        ways = await wording.ways_of(connection, context.tenant_id)
        chosen = await wording.preferences_of(
            connection, context.tenant_id, context.actor.membership_id
        )
    return [
        NoticeKind(
            code=kind.code,
            title=kind.title,
            facts=list(kind.declared),
            urgent=kind.urgent,
            default_template=kind.template,
            template=notices.in_force(kind, own.get(kind.code, (0, None))[1]),
            version=own.get(kind.code, (0, None))[0],
            my_channels=[
                each for each in ways.channels if each in chosen.get(kind.code, ways.channels)
            ],
        )
        for kind in sorted(notices.load_kinds(), key=lambda kind: kind.code)
    ]


async def _kinds(self: None, info: Info) -> list[NoticeKind]:
    return await _told(info)


async def _settings(self: None, info: Info) -> NoticeSettings:
    context = info.context
    async with context.reader.alone() as connection:
        ways = await wording.ways_of(connection, context.tenant_id)
    return _shown(ways)


def _shown(ways: wording.Ways) -> NoticeSettings:
    return NoticeSettings(
        version=ways.version,
        channels=list(ways.channels),
        quiet_from=ways.quiet_from,
        quiet_until=ways.quiet_until,
        keep_days=ways.keep_days,
    )


async def _preview(self: None, info: Info, kind: str, template: str) -> NoticePreview:
    try:
        found = _known(kind)
        notices.check_template(found, template)
    except Refusal as refusal:
        raise Denied(BAD_USER_INPUT, refusal.message) from None
    except notices.BadTemplate as problem:
        return NoticePreview(problem=str(problem))
    sample = {name: fact.sample for name, fact in found.declared.items()}
    said = notices.rendered(found, template, sample)
    count = len(said)
    parts = 1 if count <= SMS_ALONE else -(-count // SMS_PART)
    return NoticePreview(text=said, characters=count, sms_parts=parts)


def _known(code: str) -> notices.NoticeKind:
    try:
        return notices.kind_of(code)
    except KeyError:
        raise Refusal(BAD_USER_INPUT, "没有这种通知。", ("kind",)) from None


async def _set_template(
    self: None, info: Info, input: SetNoticeTemplateInput, scope: "Scope"
) -> NoticeKindPayload:
    context, kind = info.context, _known(input.kind)
    template = text(input.template, "模板", "template", notices.TEMPLATE_LENGTH)
    if template is not None:
        try:
            notices.check_template(kind, template)
        except notices.BadTemplate as problem:
            raise Refusal(BAD_USER_INPUT, str(problem), ("template",)) from None
    await wording.set_template(
        context.transaction,
        context.actor,
        scope,
        kind=kind.code,
        template=template,
        version=input.version,
        now=context.now,
    )
    return await _one(info, kind.code)


async def _one(info: Info, code: str) -> NoticeKindPayload:
    return NoticeKindPayload(
        notice_kind=next(kind for kind in await _told(info) if kind.code == code)
    )


async def _set_settings(
    self: None, info: Info, input: SetNoticeSettingsInput, scope: "Scope"
) -> NoticeSettingsPayload:
    context = info.context
    ways = wording.Ways(
        version=input.version,
        channels=tuple(input.channels),
        quiet_from=input.quiet_from,
        quiet_until=input.quiet_until,
        keep_days=input.keep_days,
    )
    await wording.set_ways(context.transaction, context.actor, scope, ways, now=context.now)
    found = await wording.ways_of(context.transaction.connection, context.tenant_id)
    return NoticeSettingsPayload(notice_settings=_shown(found))


async def _set_preference(
    self: None, info: Info, input: SetNoticePreferenceInput
) -> NoticeKindPayload:
    context, kind = info.context, _known(input.kind)
    await wording.set_preference(
        context.transaction,
        context.actor,
        kind=kind.code,
        channels=input.channels,
        now=context.now,
    )
    return await _one(info, kind.code)


@strawberry.type
class Query:
    notice_kinds: list[NoticeKind] = strawberry.field(
        resolver=_kinds,
        description="各种通知,连同本租户的措辞和本人的通道",
        metadata=OF_PROGRAM,
        extensions=requires("notification:read"),
    )
    notice_settings: NoticeSettings = strawberry.field(
        resolver=_settings,
        description="本租户的通知设置",
        metadata=OF_PROGRAM,
        extensions=requires("notification:read"),
    )
    preview_notice: NoticePreview = strawberry.field(
        resolver=_preview,
        description="以示例内容填写模板,并计字数;不保存",
        metadata=OF_PROGRAM,
        extensions=requires("notice:configure"),
    )


@strawberry.type
class Mutation:
    set_notice_template: NoticeKindPayload = mutation(
        "notice:configure", "设置某种通知在本租户的措辞,或恢复默认;此前的版本留存"
    )(_set_template)
    set_notice_settings: NoticeSettingsPayload = mutation(
        "notice:configure", "设置本租户提供的通道、免打扰时段和保存天数"
    )(_set_settings)
    set_notice_preference: NoticeKindPayload = mutation(
        "notification:read", "选择本人对某种通知所要的通道"
    )(_set_preference)
