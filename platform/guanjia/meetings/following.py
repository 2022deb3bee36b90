"""Who brought a matter up, and who chaired, hear what becomes of the case it was turned into."""

from __future__ import annotations

from guanjia.cases.facts import CaseFacts, Event
from guanjia.cases.service.casefile import CaseFile
from guanjia.cases.service.followers import FOLLOWERS
from guanjia.cases.states import STATE_TITLES, State
from guanjia.meetings.notices import ITEM_CASE
from guanjia.notifications.notices import tell

TOLD = frozenset(
    {
        State.FILED, State.NOT_FILED, State.SUSPENDED, State.CLOSED, State.VOIDED,
        State.EVALUATED, State.REWORK,
    }
)  # fmt: skip
"""What those who do not work on the case want to know; the steps between are for who does."""
_ITEM = """
select i.id, i.position, m.title, m.starts_at, array(
  select coalesce(a.membership_id, p.membership_id) from attendances a
  left join persons p on p.tenant_id = $1 and p.id = a.person_id
  where a.tenant_id = $1 and a.meeting_id = m.id and a.chair
  union select p.membership_id from persons p where p.tenant_id = $1 and p.id = i.proposer_id
) as members
from resolutions r join agenda_items i on i.tenant_id = $1 and i.id = r.item_id
join meetings m on m.tenant_id = $1 and m.id = i.meeting_id
where r.tenant_id = $1 and r.case_id = $2
"""


async def follow(case: CaseFile, before: CaseFacts | None, event: Event) -> None:
    """The chair and the proposer know of a turn of the case, each time there is one."""
    state = case.facts.state
    if before is None or before.state is state or state not in TOLD:
        return
    item = await case.transaction.connection.fetchrow(_ITEM, case.transaction.tenant_id, case.id)
    if item is None:
        return
    await tell(
        case.transaction,
        ITEM_CASE,
        recipients={each for each in item["members"] if each} - {event.actor_id},
        facts={
            "title": item["title"], "at": item["starts_at"], "item": item["position"],
            "number": str(case.row["number"]), "state": STATE_TITLES[state],
        },
        subject=("AgendaItem", item["id"]),
        key=f"{case.id}:{state}:{event.at.isoformat()}",
        now=event.at,
    )  # fmt: skip


if follow not in FOLLOWERS:
    FOLLOWERS.append(follow)
