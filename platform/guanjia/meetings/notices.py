"""What members are told of meetings and votes: when, where, what waits for them, what came of it.

An item is named by its number, never by its title: people write names and illnesses into titles of
what they bring up. Reasons stay with the meeting for the same reason.
"""

from __future__ import annotations

from guanjia.notifications.notices import Fact, Form, NoticeKind, register

PLANNED, SERIES_PLANNED, HELD_BACK = (
    "meeting.planned",
    "meeting.series_planned",
    "meeting.held_back",
)
MOVED, CANCELLED, SERIES_ENDED = "meeting.moved", "meeting.cancelled", "meeting.series_ended"
REMINDED, NO_QUORUM = "meeting.reminded", "meeting.no_quorum"
TO_SIGN, SIGNATURE_VOID, TO_PUBLISH = (
    "meeting.to_sign", "meeting.signature_void", "meeting.to_publish",
)  # fmt: skip
ITEM_CASE = "meeting.item_case"
DISPLAYED, DISPLAY_ENDED = "meeting.displayed", "meeting.display_ended"
VOTE, POLL = "vote", "poll"
ANNOUNCED, OPENED, CLOSING, OVER, COUNTED = "announced", "opened", "closing", "over", "counted"
_AT, _ON = Fact("at", Form.TIME), Fact("on", Form.DAY)
_COUNT = Fact("count", Form.COUNT)
_FROM, _UNTIL = Fact("from", Form.TIME), Fact("until", Form.TIME)
_MEETING = ("type", "title")

for _kind in (
    NoticeKind(
        PLANNED, "会议通知", "{body}{type}“{title}”定于{at}在{place}召开,请到会。",
        ("body", *_MEETING, "place", _AT),
    ),
    NoticeKind(
        SERIES_PLANNED, "定期会议通知",
        "{body}{type}“{title}”定期召开,已排{count}次,首次{at},地点{place}。",
        ("body", *_MEETING, "place", _AT, _COUNT),
    ),
    NoticeKind(
        HELD_BACK, "会期待排",
        "{body}“{title}”自{on}起的{count}次会期待排:该年的工作日历尚未导入。",
        ("body", "title", _ON, _COUNT),
    ),
    NoticeKind(
        MOVED, "会议改期", "{body}{type}“{title}”改在{at}召开,地点{place}。",
        ("body", *_MEETING, "place", _AT),
    ),
    NoticeKind(
        CANCELLED, "会议取消", "{body}原定{at}的{type}“{title}”已取消,原因见会议。",
        ("body", *_MEETING, _AT),
    ),
    NoticeKind(
        SERIES_ENDED, "定期会议终止", "{body}{type}“{title}”自{on}起不再召开。",
        ("body", *_MEETING, _ON),
    ),
    NoticeKind(
        REMINDED, "会议提醒", "{body}{type}“{title}”将于{at}在{place}召开,请准时到会。",
        ("body", *_MEETING, "place", _AT),
    ),
    NoticeKind(
        NO_QUORUM, "未达到会人数",
        "{at}的{type}“{title}”未达到会人数(席位{seats}/{seats_needed},"
        "居民代表{residents}/{residents_needed}户),没有形成决议。",
        (
            *_MEETING, _AT,
            *(
                Fact(name, Form.COUNT)
                for name in ("seats", "seats_needed", "residents", "residents_needed")
            ),
        ),
    ),
    NoticeKind(
        TO_SIGN, "会议记录待签字", "{at}的{type}“{title}”会议记录已写成,请阅后签字。",
        (*_MEETING, _AT),
    ),
    NoticeKind(
        SIGNATURE_VOID, "签字作废",
        "{at}的{type}“{title}”会议记录退回修改,您的签字作废,改后请重签。",
        (*_MEETING, _AT),
    ),
    NoticeKind(
        TO_PUBLISH, "会议待公布", "{body}{at}的{type}“{title}”会议记录签字完成,请公布。",
        ("body", *_MEETING, _AT),
    ),
    NoticeKind(
        ITEM_CASE, "决议落实", "{at}会议“{title}”第{item}项议题转办的案件{number}:{state}。",
        ("title", _AT, Fact("item", Form.COUNT), "number", "state"),
    ),
    NoticeKind(
        DISPLAYED, "会议结果公布", "{body}{at}的{type}“{title}”协商结果已公布,{on}前可查看。",
        ("body", *_MEETING, _AT, _ON),
    ),
    NoticeKind(
        DISPLAY_ENDED, "公布期满", "{body}{at}的{type}“{title}”公布期满,已撤下。",
        ("body", *_MEETING, _AT),
    ),
    *(
        kind
        for box, noun in ((VOTE, "业主共同决定"), (POLL, "入户表决"))
        for kind in (
            NoticeKind(
                f"{box}.{OPENED}", f"{noun}开始",
                f"{{body}}{noun}“{{title}}”已开始,请在{{until}}前投票。",
                ("body", "title", _UNTIL),
            ),
            NoticeKind(
                f"{box}.{CLOSING}", f"{noun}即将截止",
                f"您尚未就{{body}}{noun}“{{title}}”投票,{{until}}截止。",
                ("body", "title", _UNTIL),
            ),
            NoticeKind(
                f"{box}.{OVER}", f"{noun}待计票", f"{{body}}{noun}“{{title}}”已截止,请计票。",
                ("body", "title"),
            ),
            NoticeKind(
                f"{box}.{COUNTED}", f"{noun}结果", f"{{body}}{noun}“{{title}}”已计票:{{result}}。",
                ("body", "title", "result"),
            ),
        )
    ),
    NoticeKind(
        f"{VOTE}.{ANNOUNCED}", "业主共同决定通知",
        "{body}将就“{title}”由业主共同决定,{from}开始投票,{until}截止。",
        ("body", "title", _FROM, _UNTIL),
    ),
):  # fmt: skip
    register(_kind)
