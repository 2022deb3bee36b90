"""The board (看板) as a workbook: of a region, or of what an organisation handles, with its parts.

What is not asked for is everything: each region and organisation of whoever takes it, and this
month beside the last.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from typing import Any

from guanjia.graph.errors import BAD_USER_INPUT, Denied, not_found
from guanjia.graph.filters import row_id
from guanjia.graph.scalars import parse_time
from guanjia.graph.times import CHINA
from guanjia.imports.exports import Export, Taking, offer
from guanjia.indicators.service import counting
from guanjia.indicators.service.asked import Asked, Window
from guanjia.indicators.service.figures import Figure
from guanjia.indicators.service.periods import Period, known_at, period_of
from guanjia.indicators.service.rows import total_hash
from guanjia.reading.metrics import Dimension

COLUMNS = (
    ("统计期", "年、季或月"),
    ("截至", "截至这一时刻所知,北京时间:期末;未满的期截至导出当日零时"),
    ("主办单位", "只计这个单位主办的案件;为空的不限"),
    ("代码", "区域的统计用区划代码,或类别的代码;单位没有代码"),
    ("名称", "区域与其各部分:下一级区域,或所要的部门、物业公司、类别"),
    ("指标", "名称;口径见 indicatorMetrics"),
    ("标识", "指标的标识,核对时用"),
    ("分子", "件;满意率为户,处置时长为工作分钟,综合评价为百分之一分;计数的指标与分母相同"),
    ("分母", "件;满意率为户"),
    ("数值", "两位小数;不能给出时为空"),
    ("单位", "%、件、工作时、分"),
    ("说明", "不能给出数值的原因"),
    ("散列", "所计各行的散列,以 checkIndicator 核对;只在总数一行,按单位分列的没有"),
)
PARAMETERS = (
    ("regionId", "区域;不给出为本人的全部辖区"),
    ("organisationId", "只计这个单位主办的;不给出为本人的全部单位"),
    ("period", "2026、2026-Q2 或 2026-06;不给出为上月与本月"),
    ("by", f"分列:{'、'.join(Dimension)};不给出为下一级区域"),
    ("asOf", "截至何时所知,须带时区;须同时给出 period"),
)
_AT = "select id from regions where tenant_id = $1 and path = $2"
Line = list[str | int | None]


async def _rows(
    connection: Any, place: Taking
) -> AsyncIterator[Sequence[Sequence[str | int | None]]]:
    """A page for each board and period."""
    windows, by = _windows(place), _dimension(place)
    for region_id, organisation_id in await _wanted(connection, place):
        asked = await counting.asked_for(
            connection, place.tenant_id, region_id, organisation_id, {}, place.scope
        )
        if asked is None:
            raise not_found("区域或单位")
        for window in windows:
            yield await _page(connection, place, asked, window, by)


async def _wanted(connection: Any, place: Taking) -> list[tuple[Any, Any]]:
    """Of which region and organisation a board is wanted."""
    given = [place.given.get(name) for name in ("regionId", "organisationId")]
    if any(text is not None for text in given):
        ids = [None if text is None else row_id(text) for text in given]
        if any(text is not None and found is None for text, found in zip(given, ids, strict=True)):
            raise not_found("区域或单位")
        return [(ids[0], ids[1])]
    regions = [await connection.fetchval(_AT, place.tenant_id, path) for path in place.scope.paths]
    return [(region, None) for region in regions] + [(None, o) for o in place.scope.organisations]


def _windows(place: Taking) -> list[Window]:
    """The period that is asked for, or the last month and what there is of this one."""
    midnight = dt.datetime.combine(place.today, dt.time(), CHINA)
    period, as_of = place.given.get("period"), place.given.get("asOf")
    if period is None:
        if as_of is not None:
            raise Denied(BAD_USER_INPUT, "给出 asOf 时须同时给出 period。")
        month = Period(place.today.year, place.today.month, 1)
        wanted = [month.moved(-1)] + [month] * (month.start < midnight)
        return [Window(each, known_at(each, None, midnight)) for each in wanted]
    asked = period_of(period)
    if as_of is None:
        return [Window(asked, known_at(asked, None, midnight))]
    try:
        known = parse_time(as_of)
    except ValueError as fault:
        raise Denied(BAD_USER_INPUT, str(fault)) from None
    return [Window(asked, known_at(asked, known, dt.datetime.now(dt.UTC)))]


def _dimension(place: Taking) -> Dimension | None:
    given = place.given.get("by")
    if given is not None and given not in list(Dimension):
        raise Denied(BAD_USER_INPUT, f"by 须为{'、'.join(Dimension)}之一。")
    return None if given is None else Dimension(given)


async def _page(
    connection: Any, place: Taking, asked: Asked, window: Window, by: Dimension | None
) -> list[Line]:
    known = window.known.astimezone(CHINA).isoformat(" ")
    head: Line = [window.period.text, known, asked.organisation and asked.organisation["name"]]
    region, lines = asked.region, list[Line]()
    metrics = counting.readable(asked, place.scope_of)
    for figure, cells in await counting.board(connection, asked, metrics, window, by):
        rows = await total_hash(connection, asked, figure.metric, window, by)
        lines.append([*head, region["code"], region["name"], *_cells(figure), rows])
        lines += [[*head, cell.code, cell.name, *_cells(cell.figure), None] for cell in cells]
    return lines


def _cells(figure: Figure) -> Line:
    value = figure.hundredths
    refused = figure.refused
    return [
        figure.metric.title,
        figure.metric.id,
        figure.numerator,
        figure.denominator,
        None if value is None else f"{value // 100}.{value % 100:02}",
        figure.metric.unit,
        refused.message if refused else None,
    ]


offer(
    Export(
        code="board",
        title="指标看板",
        permission="indicator:export",
        columns=COLUMNS,
        rows=_rows,
        parameters=PARAMETERS,
    )
)
