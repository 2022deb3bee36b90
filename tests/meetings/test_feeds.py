"""Meetings in a calendar program: by bearer, and under a secret address."""

from __future__ import annotations

import datetime as dt
from typing import Any

from icalendar import Calendar
from tests.meetings.conftest import Parlour


def events(response: Any) -> list[tuple[str, str]]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/calendar")
    found = Calendar.from_ical(response.content).walk("VEVENT")
    return [(str(event["summary"]), str(event["status"])) for event in found]


async def test_a_calendar_by_bearer_and_by_secret(parlour: Parlour) -> None:
    person = parlour.secretary
    meeting = await parlour.planned(days=-3)
    first = [("议事会议:议事会议", "CONFIRMED")]
    assert events(await person.send("GET", "/calendars/meetings.ics")) == first
    made = await person.done("setCalendarFeed", "path", active=True)
    http = parlour.town.api.http
    response = await http.get(made["path"])
    assert events(response) == first
    [event] = Calendar.from_ical(response.content).walk("VEVENT")
    assert (str(event["uid"]), event["sequence"]) == (meeting["id"], meeting["version"])
    assert event["dtend"].dt - event["dtstart"].dt == dt.timedelta(minutes=90)
    assert str(event["location"]) == "珑樾台 党群服务中心"
    await parlour.do(
        "cancelMeeting", id=meeting["id"], version=meeting["version"], reason="防汛值守"
    )
    assert events(await http.get(made["path"])) == [("议事会议:议事会议", "CANCELLED")]
    again = await person.done("setCalendarFeed", "path", active=True)
    assert (await http.get(made["path"])).status_code == 404
    assert len(events(await http.get(again["path"]))) == 1
    gone = await person.done("setCalendarFeed", "path", active=False)
    assert gone["path"] is None
    assert (await http.get(again["path"])).status_code == 404


async def test_a_secret_opens_what_its_owner_may_read_now(
    parlour: Parlour, admin: Any, make_town: Any
) -> None:
    await parlour.planned(days=-3)
    http = parlour.town.api.http
    far = await parlour.town.person("COMM", "south1")
    elsewhere = await far.done("setCalendarFeed", "path", active=True)
    assert events(await http.get(elsewhere["path"])) == []
    mine = (await parlour.secretary.done("setCalendarFeed", "path", active=True))["path"]
    other = await make_town()
    moved = mine.replace(parlour.town.tenant.slug, other.tenant.slug)
    assert (await http.get(moved)).status_code == 404
    assert (await http.get(mine.replace(".ics", "x.ics"))).status_code == 404
    assert (await http.get("/calendars/nobody/%00.ics")).status_code == 404
    assert (await http.get("/calendars/meetings.ics")).status_code == 401
    await admin.execute(
        "update grants set revoked_at = now() where membership_id = $1",
        parlour.secretary.membership,
    )
    assert events(await http.get(mine)) == []
    await admin.execute(
        "update memberships set active = false where id = $1", parlour.secretary.membership
    )
    assert (await http.get(mine)).status_code == 404
    kept = await admin.fetchval("select string_agg(encode(secret_hash, 'hex'), '') from"
                                " calendar_feeds")  # fmt: skip
    assert mine.rsplit("/", 1)[1].removesuffix(".ics") not in kept
