"""What surveys tell members: that their household is asked."""

from __future__ import annotations

from guanjia.notifications.notices import Fact, Form, NoticeKind, register

OPENED = "survey.opened"

register(
    NoticeKind(
        code=OPENED,
        title="请为处置结果评价",
        template="请代表本户为“{title}”评价,一户一次,{until}前有效。",
        facts=("title", Fact("until", Form.TIME)),
    )
)
