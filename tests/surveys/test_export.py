"""The workbook of what was answered: each answer, and nothing by which its home can be told."""

from __future__ import annotations

import io
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from python_calamine import load_workbook
from tests.surveys.conftest import Street

from guanjia.surveys.answersexport import COLUMNS, LEAST, Shared, coarsened

BUILDINGS, CHANNELS, DAYS = (
    ("1幢", "2幢", "3幢", None),
    ("本人在线", "网格员入户"),
    ("一", "二", "三"),
)


@given(
    st.lists(
        st.tuples(st.sampled_from(BUILDINGS), st.sampled_from(CHANNELS), st.sampled_from(DAYS)),
        max_size=60,
    )
)
def test_nothing_that_few_share_is_told(rows: list[Shared]) -> None:
    told = coarsened(rows)
    assert len(told) == len(rows)
    for before, after in zip(rows, told, strict=True):
        assert all(shown in (None, value) for value, shown in zip(before, after, strict=True))
    for place in range(3):
        groups = Counter(row[: place + 1] for row in told)
        whole = Counter(row[:place] for row in told)
        for group, count in groups.items():
            if group[-1] is None:
                assert count >= LEAST or count == whole[group[:-1]], "left out alone, it is known"
            else:
                assert count >= LEAST


def test_what_many_share_is_told() -> None:
    many: list[Shared] = [("1幢", "网格员入户", "一")] * 7 + [("2幢", "网格员入户", "二")] * 6
    assert coarsened(many) == many
    told = coarsened([*many, ("1幢", "本人在线", "一")])
    assert Counter(told) == {("1幢", None, "一"): 8, ("2幢", "网格员入户", "二"): 6}
    assert coarsened([]) == []


async def test_a_survey_that_is_over_is_taken_out_by_those_who_may(street: Street) -> None:
    case = await street.handled()
    survey = await street.closed(case, affectedBuildingIds=[street.building])
    path, of = "/exports/survey-answers", {"surveyId": survey["id"]}
    await street.answered(street.owners[0], survey, "DISSATISFIED", comment="=还是松动")
    assert (await street.chief.send("GET", path, **of)).status_code == 409, "while it runs"
    await street.answered(street.owners[1], survey, "SATISFIED")
    for home in street.homes[2:]:
        owner = await street.resident(home)
        await street.answered(owner, survey, "PARTLY")
    await street.fresh(case)
    await street.step(street.clerk, "finishEvaluation", case)
    body = (await street.chief.send("GET", path, **of)).content
    header, *rows = load_workbook(io.BytesIO(body)).get_sheet_by_name("数据").to_python()
    assert tuple(header) == tuple(title for title, _ in COLUMNS)
    assert sorted((row[5], row[6]) for row in rows) == [
        ("不满意", "'=还是松动"), ("基本满意", ""), ("基本满意", ""), ("满意", ""),
    ]  # fmt: skip
    assert {tuple(row[2:5]) for row in rows} == {("", "", "")}, "four answers are too few"
    audited = await (await street.town.person("AUD", "district")).data(
        "{ auditRecords(first: 5) { nodes { permission result } } }"
    )
    assert {"permission": "survey:export", "result": "READ"} in audited["auditRecords"]["nodes"]
    for person, asked, status in (
        (street.clerk, of, 403), (street.company, of, 403), (street.owners[0], of, 403),
        (await street.town.person("SCMD", "south"), of, 404),
        (street.chief, {"surveyId": case["id"]}, 404), (street.chief, {}, 400),
        (street.chief, {"surveyId": "1"}, 400),
    ):  # fmt: skip
        assert (await person.send("GET", path, **asked)).status_code == status, asked
    unnamed = (await street.chief.send("GET", path)).json()["errors"][0]["message"]
    assert "surveyId" in unnamed, "says what has to be given"
    kinds = await street.chief.data("{ exportKinds { path parameters { name } } }")
    assert {"path": path, "parameters": [{"name": "surveyId"}]} in kinds["exportKinds"]
