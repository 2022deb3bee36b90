"""What members are told of cases: the number and the category, never what somebody wrote."""

from __future__ import annotations

from guanjia.notifications.notices import NoticeKind, register

FACTS = ("number", "category")

DISPATCHED = NoticeKind(
    "case.dispatched", "案件派遣", "案件{number}({category})已派遣给{organisation},请及时签收。",
    facts=(*FACTS, "organisation"),
)  # fmt: skip
RETURNED = NoticeKind(
    "case.returned", "案件退单", "您派遣的案件{number}({category})已被{organisation}退单,请裁定。",
    facts=(*FACTS, "organisation"),
)  # fmt: skip
REWORK = NoticeKind(
    "case.rework", "核查不通过", "案件{number}({category})核查不通过,请返工。", facts=FACTS
)
SUPERVISED = NoticeKind(
    "case.supervised", "案件督办", "案件{number}({category})已被督办,请尽快处置。", facts=FACTS,
    urgent=True,
)  # fmt: skip
DECLINED = NoticeKind(
    "case.declined", "案件不予立案", "您上报的案件{number}({category})不予立案,答复见案件。",
    facts=FACTS,
)  # fmt: skip
SURVEY_OPENED = NoticeKind(
    "case.survey_opened", "请评价案件", "您上报的案件{number}({category})已结案,请评价处置结果。",
    facts=FACTS,
)  # fmt: skip
EVALUATED = NoticeKind(
    "case.evaluated", "案件已评价", "案件{number}({category})评价已结束,结果见案件。", facts=FACTS
)

for _kind in (DISPATCHED, RETURNED, REWORK, SUPERVISED, DECLINED, SURVEY_OPENED, EVALUATED):
    register(_kind)
