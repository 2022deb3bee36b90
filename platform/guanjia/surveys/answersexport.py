"""What a survey was answered as a workbook: a row for each answer, and never whose it is.

Who has answered, how and when is known home by home. What only a few answers share would say which
home gave them: it is left out, and with it so much more that what is left out cannot be told apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any

from guanjia.db.scope import Reachable
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.graph.filters import known_id
from guanjia.graph.times import local_date
from guanjia.imports.exports import PAGE_ROWS, Export, Taking, offer
from guanjia.surveys.models import Channel, Satisfaction, SurveyState

LEAST = 5
"""[design] So many answers share a building, a channel or a day before it is told."""
CHOICES = {
    Satisfaction.SATISFIED: "满意",
    Satisfaction.PARTLY: "基本满意",
    Satisfaction.DISSATISFIED: "不满意",
}
CHANNELS = {Channel.ONLINE: "本人在线", Channel.DOOR: "网格员入户"}
OF = "surveyId"
_REACH = Reachable(region="region_path")
_FEW = f"少于 {LEAST} 户相同的不列出"
COLUMNS = (
    ("调查", "名称"),
    ("第几次", "对同一对象的第几次调查"),
    ("楼栋", f"答复的户所在的小区和楼栋;{_FEW}"),
    ("怎样答的", f"本人在线、网格员入户;{_FEW}"),
    ("日期", f"答复的日期,北京时间;{_FEW}"),
    ("评价", "满意、基本满意、不满意"),
    ("意见", "住户所写,可能含有可以认出本人的内容,请勿外传"),
)
_ANSWERS = (
    "select a.choice, a.comment, a.channel, a.answered_at, c.name || b.name as building"
    " from survey_answers a join survey_targets t on t.tenant_id = $1 and t.id = a.target_id"
    " left join house_units h on h.tenant_id = $1 and h.id = t.house_unit_id"
    " left join buildings b on b.tenant_id = $1 and b.id = h.building_id"
    " left join compounds c on c.tenant_id = $1 and c.id = b.compound_id"
    # Answers have ids at random: their order tells nothing.
    " where a.tenant_id = $1 and a.survey_id = $2 order by a.id"
)
Shared = tuple[str | None, ...]


def coarsened(rows: Sequence[Shared]) -> list[Shared]:
    """Each value of each row where LEAST rows share it among those that share what is before it,
    None elsewhere; and so many values more are None that LEAST rows or none, or all of them, are
    without one."""
    told: list[Shared] = [() for _ in rows]
    for place in range(len(rows[0]) if rows else 0):
        among: dict[Shared, Counter[str | None]] = defaultdict(Counter)
        for before, row in zip(told, rows, strict=True):
            among[before][row[place]] += 1
        kept = {before: _kept(counts) for before, counts in among.items()}
        told = [
            (*before, row[place] if row[place] in kept[before] else None)
            for before, row in zip(told, rows, strict=True)
        ]
    return told


def _kept(counts: Counter[str | None]) -> set[str | None]:
    kept = sorted(
        (value for value, count in counts.items() if value is not None and count >= LEAST),
        key=lambda value: (counts[value], value),
    )
    while kept and 0 < sum(counts.values()) - sum(counts[value] for value in kept) < LEAST:
        del kept[0]
    return set(kept)


async def _rows(
    connection: Any, place: Taking
) -> AsyncIterator[Sequence[Sequence[str | int | None]]]:
    """The answers to the survey, which is over: while it runs, one could see what each adds."""
    if OF not in place.given:
        raise Refusal(BAD_USER_INPUT, f"请指明哪一次调查,例如 ?{OF}=…(标识见 surveys)。", (OF,))
    survey_id = known_id(place.given[OF], OF)
    arguments: list[Any] = [place.tenant_id, survey_id]

    def bind(value: Any, kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{kind}"

    reached = place.scope.predicate(_REACH, "s", "$1", bind)
    survey = await connection.fetchrow(
        "select s.title, s.round, s.state from surveys s where s.tenant_id = $1 and s.id = $2"
        f" and {reached}",
        *arguments,
    )
    if survey is None:
        raise not_found("调查", OF)
    if survey["state"] != SurveyState.CLOSED:
        raise Refusal(CONFLICT, "调查结束后才能导出各户的答复。", (OF,))
    answers = await connection.fetch(_ANSWERS, place.tenant_id, survey_id)
    told = coarsened(
        [
            (row["building"], CHANNELS[row["channel"]], local_date(row["answered_at"]).isoformat())
            for row in answers
        ]
    )
    head = (survey["title"], survey["round"])
    listed = [
        [*head, *shared, CHOICES[row["choice"]], row["comment"]]
        for shared, row in sorted(
            zip(told, answers, strict=True), key=lambda each: [value or "" for value in each[0]]
        )
    ]
    for first in range(0, len(listed), PAGE_ROWS):
        yield listed[first : first + PAGE_ROWS]


offer(
    Export(
        code="survey-answers",
        title="满意度调查答复",
        permission="survey:export",
        columns=COLUMNS,
        rows=_rows,
        parameters=((OF, "哪一次调查,必填"),),
    )
)
