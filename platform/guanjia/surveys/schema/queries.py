"""Queries on surveys."""

import strawberry
from strawberry.types import Info

from guanjia.graph.marks import requires
from guanjia.graph.nodes import Connection, root_connection, root_lookup
from guanjia.reading.mapping import METADATA, Unplanned
from guanjia.surveys.schema.types import (
    Survey,
    SurveyFilter,
    SurveyKind,
    SurveyKindFilter,
    SurveyKindOrder,
    SurveyOrder,
    SurveyTarget,
    SurveyTargetFilter,
    SurveyTargetOrder,
)
from guanjia.surveys.service.invitations import open_to


async def _my_surveys(self: None, info: Info) -> list[Survey]:
    context = info.context
    async with context.reader.alone() as connection:
        ids = await open_to(connection, context.tenant_id, context.actor.membership_id)
    found = [await context.reader.by_id("Survey", survey) for survey in ids]
    return [survey for survey in found if survey is not None]


@strawberry.type
class Query:
    surveys: Connection[Survey] = root_connection(
        Survey,
        permission="survey:read",
        filter_type=SurveyFilter,
        order_type=SurveyOrder,
        description="可读的满意度调查:辖区内的、问到本户的",
    )
    survey: Survey | None = root_lookup(
        Survey, permission="survey:read", description="一次满意度调查"
    )
    survey_targets: Connection[SurveyTarget] = root_connection(
        SurveyTarget,
        permission="survey:read_targets",
        filter_type=SurveyTargetFilter,
        order_type=SurveyTargetOrder,
        description="被调查的各户;answered: false 为尚未答复、须入户的",
    )
    my_surveys: list[Survey] = strawberry.field(
        resolver=_my_surveys,
        description="进行中的、问到本户的调查,最新在前;targets 中 answered 为真的,本户已答",
        metadata={METADATA: Unplanned("the surveys that ask whoever asks, found by their homes")},
        extensions=requires("survey:answer"),
    )
    survey_kinds: Connection[SurveyKind] = root_connection(
        SurveyKind,
        permission="survey:configure",
        filter_type=SurveyKindFilter,
        order_type=SurveyKindOrder,
        description="调查种类及其设置",
    )
