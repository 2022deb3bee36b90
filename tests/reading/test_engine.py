"""A plan is shared by callers whose scopes make the same SQL, and by nobody else."""

from __future__ import annotations

from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from guanjia.access.models import MEMBER_REACH
from guanjia.cases.models import CASE_REACH, CATEGORY_REACH, PART_REACH
from guanjia.db.scope import Reach, Scope
from guanjia.reading.engine import _form
from guanjia.tenancy import models

ME = UUID(int=7)
TABLES = (
    CASE_REACH, PART_REACH, CATEGORY_REACH,
    models.REGION_REACH, models.ORGANISATION_REACH, MEMBER_REACH,
)  # fmt: skip


def _of(*paths: str) -> Scope:
    return Scope("case:read", tuple(Reach("region", path=path) for path in paths), ME)


GRIDS = tuple(f"0001/0001/0001/000{number}/" for number in range(1, 4))
segments = st.sampled_from(["0001/", "0002/"])
regions = st.lists(segments, min_size=1, max_size=4).map(
    lambda parts: Reach("region", path="".join(parts))
)
others = st.sampled_from([Reach("organisation", ids=(UUID(int=1),)), Reach("self")])
scopes = st.lists(regions | others, max_size=3).map(
    lambda reaches: Scope("case:read", tuple(reaches), ME)
)


@settings(max_examples=500, derandomize=True)
@given(scopes, scopes)
@example(_of("0001/", "0002/0001/"), _of("0001/0001/", "0002/"))
@example(_of(*GRIDS[:2]), _of(*GRIDS))
def test_scopes_of_one_form_have_one_shape_in_every_table(first: Scope, second: Scope) -> None:
    if _form(first) == _form(second):
        for table in TABLES:
            assert first.shape(table) == second.shape(table)


def test_two_grids_and_two_communities_differ() -> None:
    grids = _of("0001/0001/0001/0001/", "0001/0002/0001/0001/")
    communities = _of("0001/0001/0001/", "0001/0002/0001/")
    mixed = _of("0001/0001/0001/0001/", "0001/0002/0001/")
    assert grids.shape(CASE_REACH) == ("among:region_path:2",)
    assert communities.shape(CASE_REACH) == ("among:community_path:2",)
    assert mixed.shape(CASE_REACH) == ("under-any",)
    assert len({_form(grids), _form(communities), _form(mixed)}) == 3
