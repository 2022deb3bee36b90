"""What members are told of clocks, escalations and whistles."""

from __future__ import annotations

from guanjia.notifications.notices import Fact, Form, NoticeKind, register

REMINDED, OVERDUE, UNACCEPTED = "case.reminded", "case.overdue", "case.unaccepted"
RAISED, TASKED = "escalation.raised", "escalation.tasked"
SOUNDED, HELD = "whistle.sounded", "whistle.sign_in_held"
ANSWERED, WITHDRAWN = "whistle.answered", "whistle.withdrawn"
LATE = "whistle.late"
_LIMIT = Fact("limit", Form.TIME)

for _kind in (
    NoticeKind(
        REMINDED,
        "催办",
        "案件{number}的处置时限已用去{percent}%,{limit}到期。",
        ("number", Fact("percent", Form.COUNT), _LIMIT),
    ),
    NoticeKind(
        UNACCEPTED,
        "请签收",
        "案件{number}派遣后仍未签收,请尽快签收;到{limit}仍未签收的,将升级到社区。",
        ("number", _LIMIT),
    ),
    NoticeKind(OVERDUE, "超期", "案件{number}已超过处置时限({limit})。", ("number", _LIMIT)),
    NoticeKind(
        RAISED,
        "升级",
        "案件{number}升级({level}):{trigger},请在{limit}前回应。",
        ("number", "level", "trigger", _LIMIT),
    ),
    NoticeKind(
        TASKED,
        "联席会议任务",
        "案件{number}:联席会议交办本单位一项任务,期限{limit}。",
        ("number", _LIMIT),
    ),
    NoticeKind(
        SOUNDED,
        "吹哨",
        "{whistle}:请本单位在{limit}前到案件{number}现场报到。",
        ("whistle", "number", _LIMIT),
    ),
    NoticeKind(
        HELD,
        "报到待确认",
        "{whistle}:{unit}的报到不在现场或无从核对,请确认。",
        ("whistle", "unit"),
    ),
    NoticeKind(
        LATE,
        "逾期未报到",
        "{whistle}:到{limit}仍有{units}个单位没有报到。",
        ("whistle", _LIMIT, Fact("units", Form.COUNT)),
    ),
    NoticeKind(ANSWERED, "报到已反馈", "{whistle}:所请单位均已反馈,请评价。", ("whistle",)),
    NoticeKind(WITHDRAWN, "收哨", "{whistle}已收哨,无须再到现场。", ("whistle",)),
):
    register(_kind)
