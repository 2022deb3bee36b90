"""How departments respond (部门响应), counted over the units that whistles called.

`whistle_outcomes` keeps for every moment what was known then, so that a month's figure stays what
it was. A figure opens to the cases that the whistles were sounded for.
"""

from __future__ import annotations

from guanjia.cases.metrics import by_level, by_organisation
from guanjia.reading.metrics import (
    PERCENT,
    Dimension,
    MetricDefinition,
    Parting,
    Source,
    register,
)
from guanjia.tenancy.models import Level, OrganisationKind

_DESIGN = "本系统设计"
_PRACTICE = "扬州市广陵区做法“赋予基层社区对部门的评价权”(公开网页)"
CALLS = Source(
    table="whistle_outcomes",
    node="Case",
    key="case_id",
    permission="case:read",
    region="region_path",
    partings={
        Dimension.STREET: by_level(Level.STREET, 10),
        Dimension.COMMUNITY: by_level(Level.COMMUNITY, 15),
        Dimension.GRID: by_level(Level.GRID, 20),
        Dimension.DEPARTMENT: by_organisation(OrganisationKind.DEPARTMENT, "organisation_id"),
        Dimension.CATEGORY: Parting(
            "(select kc.category_id::text from cases kc where kc.tenant_id = {tenant}"
            " and kc.id = {row}.case_id)",
            "select k.id::text as key, k.id, k.code, k.name, false as standing"
            " from case_categories k where k.tenant_id = {tenant}",
        ),
    },
    filters={
        "category": "exists (select 1 from cases fc where fc.tenant_id = {tenant}"
        " and fc.id = {row}.case_id and fc.category_id = any({value}))",
        "handler": "{row}.organisation_id = any({value})",
    },
)
_DIMENSIONS = frozenset(CALLS.partings)
ATTENDANCE = register(
    MetricDefinition(
        "whistle.attendance_rate",
        "报到及时率",
        PERCENT,
        CALLS,
        "attend_by",
        "(not {row}.withdrawn)::int",
        "(not {row}.withdrawn)::int * coalesce({row}.attended_at <= {row}.attend_by"
        " and {row}.attended_at < {known}, false)::int",
        "期内报到时限已到的哨所请的单位中,按时到现场报到的;收哨的不计",
        _DESIGN,
        _DIMENSIONS,
    )
)
SATISFACTION = register(
    MetricDefinition(
        "whistle.satisfaction_rate",
        "部门响应满意率",
        PERCENT,
        CALLS,
        "scored_at",
        "1",
        "coalesce({row}.satisfied, false)::int",
        "期内由吹哨的社区、街道评价的单位响应中,评价为满意的",
        _PRACTICE,
        _DIMENSIONS,
    )
)
