"""The steps of a case as mutations. Each is one use-case of `cases.service`."""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

import strawberry
from strawberry.types import Info

from guanjia.cases import service
from guanjia.cases.schema.affected import Affected
from guanjia.cases.schema.types import (
    Case,
    CaseSource,
    DeclineReason,
    SuspensionReason,
    TimeUnit,
)
from guanjia.db.scope import Scope
from guanjia.graph.filters import arguments
from guanjia.graph.payloads import mutation, payload
from guanjia.graph.scalars import Degrees, Money
from guanjia.people.schema.looking import vault


@payload
class CasePayload:
    """案件"""

    case: Case | None


@strawberry.input(description="上报一个案件")
class OpenCaseInput(Affected):
    category_id: strawberry.ID
    region_id: strawberry.ID = strawberry.field(description="所在网格或社区")
    title: str
    location: str
    compound_id: strawberry.ID | None = strawberry.field(
        default=None, description="所在小区;不填而坐标在某小区边界之内的,为该小区"
    )
    source: CaseSource
    longitude: Degrees | None = strawberry.field(
        default=None, description="经度(WGS-84),与纬度一起填写"
    )
    latitude: Degrees | None = None
    component: str | None = strawberry.field(
        default=None, description="涉及何种设施,与数量一起填写"
    )
    component_count: int | None = None
    description: str = ""
    no_photo_reason: str | None = None
    attachment_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="已上传的照片(处置前);没有时须说明无照片的原因"
    )
    contact_name: str | None = None
    contact_phone: str | None = None
    urgent: bool | None = None
    draft: bool = False
    idempotency_key: str | None = strawberry.field(
        default=None, description="同一个键只产生一个案件"
    )


@strawberry.input(description="对一个案件的一步;version 为所见的版本")
class CaseStepInput:
    id: strawberry.ID
    version: int


@strawberry.input(description="提交草稿")
class SubmitCaseInput(CaseStepInput):
    no_photo_reason: str | None = None
    attachment_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="已上传的照片(处置前)"
    )


@strawberry.input(description="核实")
class VerifyCaseInput(CaseStepInput):
    verifier_id: strawberry.ID | None = None
    note: str | None = None


@strawberry.input(description="立案")
class FileCaseInput(CaseStepInput):
    category_id: strawberry.ID | None = None
    urgent: bool | None = None
    not_duplicate: bool = strawberry.field(
        default=False, description="附近虽有同类未结案件(见 duplicateCandidates),但不是同一问题"
    )
    note: str | None = None


@strawberry.input(description="不予立案")
class DeclineCaseInput(CaseStepInput):
    reason: DeclineReason
    answer: str = strawberry.field(description="给上报人的答复")


@strawberry.input(description="并入另一案件")
class LinkDuplicateInput(CaseStepInput):
    original_id: strawberry.ID
    answer: str | None = None


@strawberry.input(description="上报上级处理")
class EscalateCaseInput(CaseStepInput):
    reason: str


@strawberry.input(description="派遣:主办、协办与时限(缺省用类别的时限)")
class DispatchCaseInput(CaseStepInput):
    organisation_id: strawberry.ID | None = strawberry.field(
        default=None, description="主办单位;不填时按派遣路由,见 explainDispatch"
    )
    assistant_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="协办单位;主办与协办都不填时按派遣路由"
    )
    limit_value: int | None = None
    limit_unit: TimeUnit | None = None
    note: str | None = None
    reason: str | None = strawberry.field(
        default=None, description="派给路由以外的单位时须填写,记入经过"
    )


@strawberry.input(description="退单")
class ReturnCaseInput(CaseStepInput):
    reason: str
    evidence: str
    suggested_id: strawberry.ID | None = strawberry.field(
        default=None, description="建议的处置单位,须填写"
    )


@strawberry.input(description="退单裁定")
class RuleReturnInput(CaseStepInput):
    accepted: bool
    reason: str
    organisation_id: strawberry.ID | None = None
    assistant_ids: list[strawberry.ID] | None = None
    limit_value: int | None = None
    limit_unit: TimeUnit | None = None


@strawberry.input(description="开始处置")
class StartCaseInput(CaseStepInput):
    plan: str | None = None


@strawberry.input(description="申请挂账")
class RequestSuspensionInput(CaseStepInput):
    reason: SuspensionReason
    plan: str
    review_at: dt.datetime


@strawberry.input(description="裁定一项申请")
class RuleRequestInput(CaseStepInput):
    approved: bool = True
    reason: str | None = None


@strawberry.input(description="恢复处置")
class ResumeCaseInput(CaseStepInput):
    note: str | None = None


@strawberry.input(description="申请延期;value 以案件时限的单位计")
class RequestExtensionInput(CaseStepInput):
    value: int
    reason: str


@strawberry.input(description="协办完成")
class CompletePartInput(CaseStepInput):
    note: str
    organisation_id: strawberry.ID | None = strawberry.field(
        default=None, description="协办单位;只有一个未完成时可不填,外部单位由主办单位代填"
    )
    attachment_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="已上传的照片(处置后)"
    )


@strawberry.input(description="交办协办任务;尚未协办的单位由此成为协办单位")
class AssignPartInput(CaseStepInput):
    organisation_id: strawberry.ID
    task: str = strawberry.field(description="请该单位做什么")


@strawberry.input(description="解除一个单位的协办")
class ReleasePartInput(CaseStepInput):
    organisation_id: strawberry.ID
    reason: str


@strawberry.input(description="反馈处置结果")
class GiveFeedbackInput(CaseStepInput):
    result: str
    materials: str | None = strawberry.field(default=None, description="用料")
    cost: Money | None = None
    no_photo_reason: str | None = None
    attachment_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description="已上传的照片(处置后);类别要求前后对比的,须有处置前和处置后的照片,或说明原因",
    )


@strawberry.input(description="核查")
class CheckCaseInput(CaseStepInput):
    passed: bool
    failed_item: str | None = None
    note: str | None = None
    attachment_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="已上传的核查照片"
    )


@strawberry.input(description="登记受影响的范围:取代此前所登记的,都不填为不再登记")
class NameAffectedBuildingsInput(CaseStepInput, Affected):
    pass


@strawberry.input(
    description="结案:受影响的各户和上报人(含并入的)本户列入调查;楼栋、房屋都不填时,"
    "为案件已登记的(重新结案后未再登记的,为上次问过的各户)"
)
class CloseCaseInput(CaseStepInput, Affected):
    callback: str = strawberry.field(description="对上报人的回访情况")
    survey_title: str | None = strawberry.field(
        default=None, description="各户看到的调查名称;缺省为案件类别和编号"
    )


@strawberry.input(description="带理由的一步")
class ReasonedStepInput(CaseStepInput):
    reason: str


@strawberry.input(description="督办;answerBy 为要求答复的期限")
class SuperviseCaseInput(ReasonedStepInput):
    answer_by: dt.datetime | None = None


def _step(
    use_case: Callable[..., Awaitable[Any]], input_type: Any, permission: str, description: str
) -> Any:
    async def resolve(self: None, info: Info, input: input_type, scope: "Scope") -> CasePayload:
        context = info.context
        row = await use_case(
            context.transaction, context.actor, scope, now=context.now, **arguments(input)
        )
        return CasePayload(case=await context.reader.by_id("Case", row.id))

    return mutation(permission, description)(resolve)


async def _open(self: None, info: Info, input: OpenCaseInput, scope: "Scope") -> CasePayload:
    context = info.context
    row = await service.report_case(
        context.transaction,
        context.actor,
        scope,
        vault=vault(context),
        now=context.now,
        **arguments(input),
    )
    return CasePayload(case=await context.reader.by_id("Case", row.id))


@strawberry.type
class Mutation:
    open_case: CasePayload = mutation("case:report", "上报一个案件,或存为草稿(T1)")(_open)
    submit_case: CasePayload = _step(
        service.submit_case, SubmitCaseInput, "case:report", "提交自己的草稿(T1)"
    )
    verify_case: CasePayload = _step(
        service.verify_case, VerifyCaseInput, "case:verify", "现场核实(T2)"
    )
    file_case: CasePayload = _step(service.file_case, FileCaseInput, "case:file", "立案(T3)")
    decline_case: CasePayload = _step(
        service.decline_case, DeclineCaseInput, "case:file", "不予立案(T4)"
    )
    link_duplicate: CasePayload = _step(
        service.link_duplicate, LinkDuplicateInput, "case:link_duplicate", "并入同类未结案件"
    )
    escalate_case: CasePayload = _step(
        service.escalate_case, EscalateCaseInput, "case:escalate", "上报上级负责(吹哨)"
    )
    dispatch_case: CasePayload = _step(
        service.dispatch_case, DispatchCaseInput, "case:dispatch", "派遣(T5)"
    )
    accept_case: CasePayload = _step(service.accept_case, CaseStepInput, "case:handle", "签收(T6)")
    return_case: CasePayload = _step(
        service.return_case, ReturnCaseInput, "case:handle", "退单(T7)"
    )
    rule_return: CasePayload = _step(
        service.rule_return, RuleReturnInput, "case:dispatch", "退单裁定(T8)"
    )
    start_case: CasePayload = _step(
        service.start_case, StartCaseInput, "case:handle", "开始处置或返工(T9、T16)"
    )
    request_suspension: CasePayload = _step(
        service.request_suspension, RequestSuspensionInput, "case:handle", "申请挂账"
    )
    approve_suspension: CasePayload = _step(
        service.approve_suspension, RuleRequestInput, "case:approve_suspension", "裁定挂账(T10)"
    )
    resume_case: CasePayload = _step(
        service.resume_case, ResumeCaseInput, "case:handle", "恢复处置(T11)"
    )
    request_extension: CasePayload = _step(
        service.request_extension, RequestExtensionInput, "case:handle", "申请延期"
    )
    approve_extension: CasePayload = _step(
        service.approve_extension, RuleRequestInput, "case:approve_extension", "裁定延期(T12)"
    )
    assign_part: CasePayload = _step(
        service.assign_part, AssignPartInput, "case:dispatch", "交办或修改协办任务"
    )
    release_part: CasePayload = _step(
        service.release_part, ReleasePartInput, "case:dispatch", "解除协办,其任务不必再完成"
    )
    complete_part: CasePayload = _step(
        service.complete_part, CompletePartInput, "case:handle", "协办完成"
    )
    give_feedback: CasePayload = _step(
        service.give_feedback, GiveFeedbackInput, "case:handle", "反馈结果,转核查(T13、T14)"
    )
    check_case: CasePayload = _step(
        service.check_case, CheckCaseInput, "case:check", "核查:通过或返工(T15)"
    )
    close_case: CasePayload = _step(
        service.close_case, CloseCaseInput, "case:close", "结案并开始评价(T17、T19)"
    )
    name_affected_buildings: CasePayload = _step(
        service.name_affected_buildings,
        NameAffectedBuildingsInput,
        "case:name_affected",
        "登记受影响的楼栋和房屋,结案前可更改",
    )
    supervise_case: CasePayload = _step(
        service.supervise_case, SuperviseCaseInput, "case:supervise", "督办"
    )
    release_supervision: CasePayload = _step(
        service.release_supervision, ReasonedStepInput, "case:supervise", "解除督办"
    )
    void_case: CasePayload = _step(service.void_case, ReasonedStepInput, "case:void", "作废(T18)")
    finish_evaluation: CasePayload = _step(
        service.finish_evaluation, CaseStepInput, "case:close", "结束评价(T20)"
    )
    reopen_case: CasePayload = _step(
        service.reopen_case, ReasonedStepInput, "case:reopen", "因不满意重新核查(T21)"
    )
    archive_case: CasePayload = _step(
        service.archive_case, CaseStepInput, "case:archive", "归档(T22)"
    )
