"""The way back from a case to the meeting that resolved on it."""

from guanjia.cases.schema.types import Case
from guanjia.graph.additions import adds
from guanjia.graph.nodes import one
from guanjia.meetings.schema.meetings import AgendaItem

adds(
    Case,
    "meeting_item",
    AgendaItem | None,
    one(
        "AgendaItem",
        "id",
        "由哪一项议题的决议转来;不是会议转来的、或会议不可读时为空",
        match="{row}.id = (select mr.item_id from resolutions mr where mr.tenant_id = {tenant}"
        " and mr.case_id = {key})",
    ),
)
