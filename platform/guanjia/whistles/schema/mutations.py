"""The steps of a whistle as mutations. Each is one use-case of `whistles.service`."""

from typing import Any

import strawberry

from guanjia.compounds.schema.writing import writes
from guanjia.graph.payloads import payload
from guanjia.graph.scalars import Degrees
from guanjia.whistles.schema.whistles import (
    ResponseScore,
    Whistle,
    WhistleCall,
    WhistleCondition,
    WhistleLevel,
)
from guanjia.whistles.service import attending, sounding

UNSET: Any = strawberry.UNSET


@payload
class WhistlePayload:
    """哨"""

    whistle: Whistle | None


@payload
class WhistleCallPayload:
    """被请来报到的单位"""

    call: WhistleCall | None


@strawberry.input(description="吹哨")
class SoundWhistleInput:
    case_id: strawberry.ID
    level: WhistleLevel = strawberry.field(
        description="L2 由案件所在社区吹响,L3 由案件所在街道吹响"
    )
    condition: WhistleCondition
    reason: str
    organisation_ids: list[strawberry.ID] = strawberry.field(
        description="请哪些单位报到:L2 为街道办事处,L3 为区级部门"
    )
    urgent: bool | None = strawberry.field(default=None, description="缺省同案件")
    idempotency_key: str | None = None


@strawberry.input(description="收哨;version 为所见哨的版本")
class WithdrawWhistleInput:
    id: strawberry.ID
    version: int
    reason: str


@strawberry.input(description="现场报到")
class SignInOnSiteInput:
    call_id: strawberry.ID
    measures: str = strawberry.field(description="现场采取的措施")
    longitude: Degrees | None = strawberry.field(
        default=None, description="报到地点的经度(WGS-84),与纬度一起填写;没有时由吹哨方确认"
    )
    latitude: Degrees | None = None
    idempotency_key: str | None = None


@strawberry.input(description="裁定一次待确认的报到;id、version 为该次报到的")
class RuleSignInInput:
    id: strawberry.ID
    version: int
    accepted: bool
    reason: str | None = strawberry.field(default=None, description="不认可时必填")


@strawberry.input(description="反馈办理结果;id、version 为本单位那一项(WhistleCall)的")
class AnswerWhistleInput:
    id: strawberry.ID
    version: int
    result: str


@strawberry.input(description="评价一个单位的响应;id、version 为该单位那一项(WhistleCall)的")
class ScoreResponseInput:
    id: strawberry.ID
    version: int
    choice: ResponseScore
    reason: str | None = strawberry.field(default=None, description="不满意时必填")


def _whistle(use_case: Any, input_type: Any, permission: str, description: str) -> Any:
    return writes(
        use_case, input_type, WhistlePayload, "whistle", "Whistle", permission, description
    )


def _call(use_case: Any, input_type: Any, permission: str, description: str) -> Any:
    return writes(
        use_case, input_type, WhistleCallPayload, "call", "WhistleCall", permission, description
    )


@strawberry.type
class Mutation:
    sound_whistle: WhistlePayload = _whistle(
        sounding.sound_whistle, SoundWhistleInput, "whistle:sound", "吹哨:请单位到现场报到"
    )
    withdraw_whistle: WhistlePayload = _whistle(
        sounding.withdraw_whistle, WithdrawWhistleInput, "whistle:sound", "收哨,只由吹哨方"
    )
    sign_in_on_site: WhistleCallPayload = _call(
        attending.sign_in_on_site,
        SignInOnSiteInput,
        "whistle:attend",
        "到现场报到;离案件地点远或无从核对的,待吹哨方确认,到了现场可以再报",
    )
    rule_sign_in: WhistleCallPayload = _call(
        attending.rule_sign_in, RuleSignInInput, "whistle:sound", "确认或不认可一次报到,只由吹哨方"
    )
    answer_whistle: WhistleCallPayload = _call(
        attending.answer_whistle, AnswerWhistleInput, "whistle:attend", "反馈办理结果"
    )
    score_response: WhistleCallPayload = _call(
        attending.score_response, ScoreResponseInput, "whistle:score", "评价部门的响应,一次"
    )
