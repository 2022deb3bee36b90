"""The board (看板) as a workbook: this month and the last, for each region and its parts."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from typing import Any

from guanjia.graph.times import CHINA
from guanjia.imports.exports import Export, offer
from guanjia.imports.kinds import Place
from guanjia.indicators.service import counting
from guanjia.indicators.service.asked import Asked, Window
from guanjia.indicators.service.figures import Figure
from guanjia.indicators.service.periods import Period, known_at
from guanjia.reading.metrics import metrics

COLUMNS = (
    ("统计期", "月"),
    ("截至", "截至这一时刻所知,北京时间:月末;未满的月截至导出当日零时"),
    ("区域代码", "统计用区划代码"),
    ("区域", "辖区及其下一级"),
    ("指标", "名称;口径见 indicatorMetrics"),
    ("分子", "件;满意率为户,处置时长为工作分钟;计数的指标与分母相同"),
    ("分母", "件;满意率为户"),
    ("数值", "两位小数;不能给出时为空"),
    ("单位", "%、件、工作时"),
    ("说明", "不能给出数值的原因"),
)
_REGIONS = "select id, code, name, level, path from regions where tenant_id = $1 and path = $2"
Line = list[str | int | None]


async def _rows(
    connection: Any, place: Place
) -> AsyncIterator[Sequence[Sequence[str | int | None]]]:
    """A page for each region of the scope and each of the two months."""
    today = dt.datetime.combine(place.today, dt.time(), CHINA)
    month = Period(place.today.year, place.today.month, 1)
    for path in place.scope.paths:
        region = await connection.fetchrow(_REGIONS, place.tenant_id, path)
        asked = Asked(place.tenant_id, region)
        for period in (month.moved(-1), month):
            window = Window(period, known_at(period, None, today))
            yield await _page(connection, asked, window)


async def _page(connection: Any, asked: Asked, window: Window) -> list[Line]:
    known = window.known.astimezone(CHINA).isoformat(" ", "minutes")
    head: Line = [window.period.text, known]
    lines: list[Line] = []
    for figure, cells in await counting.board(connection, asked, metrics(), window):
        region = asked.region
        lines.append([*head, region["code"], region["name"], *_cells(figure)])
        lines += [[*head, cell.code, cell.name, *_cells(cell.figure)] for cell in cells]
    return lines


def _cells(figure: Figure) -> Line:
    value = figure.hundredths
    refused = figure.refused
    return [
        figure.metric.title,
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
    )
)
