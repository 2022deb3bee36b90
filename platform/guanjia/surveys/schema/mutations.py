"""Answers, visits and their codes as mutations."""

import datetime as dt

import strawberry
from strawberry.types import Info

from guanjia.compounds.schema.writing import writes
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, Refusal
from guanjia.graph.filters import known_id
from guanjia.graph.payloads import mutation, payload
from guanjia.graph.scalars import Degrees
from guanjia.people.schema.looking import vault
from guanjia.surveys.schema.types import Satisfaction, Survey, SurveyKind, SurveyTarget
from guanjia.surveys.service import answering, invitations

MOST_VISITS = 100


@strawberry.input(description="本户的答复:一户一次,先答为准")
class AnswerSurveyInput:
    survey_id: strawberry.ID
    choice: Satisfaction
    client_key: str = strawberry.field(
        description="设备生成的 UUID:同一个答复重复上传,只计一次;用于另一个答复则为 CONFLICT"
    )
    answered_at: dt.datetime | None = strawberry.field(
        default=None, description="答复时间(设备时间);离线作答后补传时填写"
    )
    comment: str | None = None
    house_unit_id: strawberry.ID | None = strawberry.field(
        default=None, description="哪一套房屋;只有一套在调查范围内时可不填"
    )


@strawberry.input(description="一次入户")
class SurveyVisitInput:
    house_unit_id: strawberry.ID
    choice: Satisfaction
    confirmation_code: str = strawberry.field(description="该户的确认码")
    client_key: str = strawberry.field(description="设备生成的 UUID")
    answered_at: dt.datetime = strawberry.field(description="答复时间(设备时间)")
    longitude: Degrees = strawberry.field(description="入户地点的经度(WGS-84)")
    latitude: Degrees = strawberry.field(description="入户地点的纬度(WGS-84)")
    comment: str | None = None


@strawberry.input(description="上传入户收集的答复,每次最多 100 户;可以重复上传")
class CollectSurveyAnswersInput:
    survey_id: strawberry.ID
    visits: list[SurveyVisitInput]


@strawberry.input(description="发出确认码(印在通知单上,交各户)")
class IssueSurveyCodesInput:
    survey_id: strawberry.ID
    house_unit_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description="重发给这些户(原码作废);不填时发给尚无确认码、尚未答复的各户",
    )


@strawberry.input(description="更改调查种类的设置")
class ChangeSurveyKindInput:
    id: strawberry.ID
    version: int
    upload_hours: int


@payload
class AnswerSurveyPayload:
    """答复之后的调查和本户"""

    survey: Survey | None
    target: SurveyTarget | None


@strawberry.type(description="一次入户的结果:收下的有 target,未收下的有 code 和原因")
class SurveyVisitResult:
    client_key: str
    target: SurveyTarget | None
    code: str | None
    message: str | None


@payload
class CollectSurveyAnswersPayload:
    """各次入户的结果,与所传的次序相同"""

    survey: Survey | None
    results: list[SurveyVisitResult] | None


@strawberry.type(description="一户的通知单:确认码只显示这一次")
class SurveyLetter:
    house_unit_id: strawberry.ID
    label: str
    code: str


@payload
class IssueSurveyCodesPayload:
    """各户的通知单,按门牌"""

    letters: list[SurveyLetter] | None


@payload
class SurveyKindPayload:
    """调查种类"""

    kind: SurveyKind | None


async def _answer(
    self: None, info: Info, input: AnswerSurveyInput, scope: "Scope"
) -> AnswerSurveyPayload:
    context, survey_id = info.context, known_id(input.survey_id, "surveyId")
    home = input.house_unit_id
    target = await answering.answer_survey(
        context.transaction,
        vault(context),
        context.actor,
        scope,
        survey_id=survey_id,
        given=answering.answer_given(
            input.choice, input.client_key, input.answered_at, input.comment
        ),
        house_unit_id=known_id(home, "houseUnitId") if home is not None else None,
        now=context.now,
    )
    return AnswerSurveyPayload(
        survey=await context.reader.by_id("Survey", survey_id),
        target=await context.reader.by_id("SurveyTarget", target),
    )


async def _collect(
    self: None, info: Info, input: CollectSurveyAnswersInput, scope: "Scope"
) -> CollectSurveyAnswersPayload:
    context, survey_id = info.context, known_id(input.survey_id, "surveyId")
    if not 1 <= len(input.visits) <= MOST_VISITS:
        raise Refusal(BAD_USER_INPUT, f"每次上传 1 到 {MOST_VISITS} 户。", ("visits",))
    ballot = await answering.open_ballot(
        context.transaction, context.actor, scope, survey_id, context.now
    )
    secret, results = context.world.settings.cursor_secret(), []
    for visit in input.visits:
        try:
            target = await answering.collect_answer(ballot, secret, _visit(visit))
        except Refusal as refusal:
            # Answered, not raised: the other visits stand, and wrong codes stay counted.
            found, code, message = None, refusal.code, refusal.message
        else:
            found, code, message = await context.reader.by_id("SurveyTarget", target), None, None
        results.append(
            SurveyVisitResult(client_key=visit.client_key, target=found, code=code, message=message)
        )
    return CollectSurveyAnswersPayload(
        survey=await context.reader.by_id("Survey", survey_id), results=results
    )


def _visit(given: SurveyVisitInput) -> answering.Visit:
    return answering.Visit(
        known_id(given.house_unit_id, "houseUnitId"),
        answering.answer_given(given.choice, given.client_key, given.answered_at, given.comment),
        given.confirmation_code,
        answering.visited(given.longitude, given.latitude),
    )


async def _issue(
    self: None, info: Info, input: IssueSurveyCodesInput, scope: "Scope"
) -> IssueSurveyCodesPayload:
    context = info.context
    letters = await invitations.issue_survey_codes(
        context.transaction,
        context.world.settings.cursor_secret(),
        context.actor,
        scope,
        survey_id=known_id(input.survey_id, "surveyId"),
        house_unit_ids=[known_id(home, "houseUnitIds") for home in input.house_unit_ids],
        now=context.now,
    )
    return IssueSurveyCodesPayload(
        letters=[
            SurveyLetter(
                house_unit_id=strawberry.ID(str(each.house_unit_id)),
                label=each.label,
                code=each.code,
            )
            for each in letters
        ]
    )


@strawberry.type
class Mutation:
    answer_survey: AnswerSurveyPayload = mutation("survey:answer", "代表本户答复调查")(_answer)
    collect_survey_answers: CollectSurveyAnswersPayload = mutation(
        "survey:collect", "上传入户收集的答复;处置单位的人员不能收集"
    )(_collect)
    issue_survey_codes: IssueSurveyCodesPayload = mutation(
        "survey:issue_codes", "发出各户的确认码,入户时凭此答复"
    )(_issue)
    change_survey_kind: SurveyKindPayload = writes(
        invitations.change_survey_kind, ChangeSurveyKindInput, SurveyKindPayload, "kind",
        "SurveyKind", "survey:configure", "更改调查种类的设置",
    )  # fmt: skip
