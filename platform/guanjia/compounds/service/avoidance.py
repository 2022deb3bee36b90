"""Near relatives who hold posts that the rules keep apart: refused when a post begins, found when
the kinship became known later. One statement says what a conflict is for both."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.compounds.avoidances import Avoidance, avoidances
from guanjia.compounds.models.committees import CommitteePost
from guanjia.compounds.models.crossappointments import POST_TITLES
from guanjia.compounds.models.partyorganisations import PartyPostKind
from guanjia.compounds.models.seats import SEAT_TITLES
from guanjia.db.pools import Transaction
from guanjia.db.scope import Reachable, Scope
from guanjia.graph.errors import CONFLICT, Refusal

MOST = 200
_PLACE = Reachable(region="path")
TITLES: dict[str, str] = {
    **{f"CROSS:{post}": title for post, title in POST_TITLES.items()},
    "CROSS:": "成员",
    f"OWNERS:{CommitteePost.CHAIR}": "主任",
    f"OWNERS:{CommitteePost.VICE_CHAIR}": "副主任",
    f"OWNERS:{CommitteePost.MEMBER}": "委员",
    f"OWNERS:{CommitteePost.ALTERNATE}": "候补委员",
    f"PARTY:{PartyPostKind.SECRETARY}": "书记",
    f"PARTY:{PartyPostKind.DEPUTY_SECRETARY}": "副书记",
    f"PARTY:{PartyPostKind.COMMITTEE_MEMBER}": "委员",
    f"PARTY:{PartyPostKind.GROUP_LEADER}": "党小组组长",
    f"PARTY:{PartyPostKind.INSTRUCTOR}": "党建指导员",
    **{f"SEAT:{seat}": f"小区管家「{title}」席位" for seat, title in SEAT_TITLES.items()},
}
# A member of a 居委会 is known by a cross-appointment in or out of it. An owners' committee's
# member is one until the term is over. An officer of a company's branch is one for each compound
# under contract, as long as both last. A seat of a butler counts for the side it is of, as long as
# what it rests on lasts, or until the party comes for whom somebody acts. A kinship that was
# withdrawn keeps nobody from anything.
_HELD = """
select x.id, x.person_id, 'RESIDENTS_COMMITTEE' as side, o.id as place, x.region_path as path,
  o.name as body,
  'CROSS:' || case when x.to_organisation_id is null then '' else x.post end as post,
  daterange(x.valid_from, x.valid_to) as during
from cross_appointments x join organisations o on o.tenant_id = $1
  and o.id = coalesce(x.to_organisation_id, x.from_organisation_id)
where x.tenant_id = $1 and x.kind in ('COMMITTEE_TO_PARTY', 'PARTY_TO_COMMITTEE')
union all
select m.id, m.person_id, 'OWNERS_COMMITTEE', c.id, c.region_path, c.name || '业主委员会',
  'OWNERS:' || m.post, daterange(m.valid_from, m.valid_to) * daterange(w.term_from, w.term_to, '[]')
from committee_members m
join owners_committees w on w.tenant_id = $1 and w.id = m.committee_id
join compounds c on c.tenant_id = $1 and c.id = w.compound_id
where m.tenant_id = $1
union all
select p.id, p.person_id, 'PROPERTY_PARTY', c.id, c.region_path, b.name, 'PARTY:' || p.post,
  daterange(p.valid_from, p.valid_to) * daterange(t.starts_on, t.ends_on, '[]')
from party_posts p
join party_organisations b on b.tenant_id = $1 and b.id = p.party_organisation_id
join property_contracts t on t.tenant_id = $1 and t.company_id = b.company_id
join compounds c on c.tenant_id = $1 and c.id = t.compound_id
where p.tenant_id = $1
union all
select t.id, t.person_id, 'OWNERS_COMMITTEE', c.id, c.region_path, c.name, 'SEAT:' || t.seat,
  daterange(t.valid_from, t.valid_to) * case when t.committee_id is null
    then daterange(null, (select min(w.term_from) from owners_committees w where w.tenant_id = $1
      and w.compound_id = c.id and w.term_from > t.valid_from))
    else daterange(w.term_from, w.term_to, '[]') end
from seat_tenures t join compounds c on c.tenant_id = $1 and c.id = t.compound_id
left join owners_committees w on w.tenant_id = $1 and w.id = t.committee_id
where t.tenant_id = $1 and t.seat = 'OWNERS_COMMITTEE'
union all
select t.id, t.person_id, 'PROPERTY_PARTY', c.id, c.region_path, c.name, 'SEAT:' || t.seat,
  daterange(t.valid_from, t.valid_to) * case when t.substitute is not null
    then daterange(null, (select min(k.starts_on) from property_contracts k where k.tenant_id = $1
      and k.compound_id = c.id and k.starts_on > t.valid_from))
    else daterange(k.starts_on, k.ends_on, '[]') end
from seat_tenures t join compounds c on c.tenant_id = $1 and c.id = t.compound_id
join party_organisations b on b.tenant_id = $1 and b.id = t.party_organisation_id
left join property_contracts k on k.tenant_id = $1 and k.compound_id = c.id
  and k.company_id = b.company_id
where t.tenant_id = $1 and t.seat = 'PROPERTY_PARTY'
  and (t.substitute is not null or k.id is not null)
"""
_CONFLICTS = f"""
with held as not materialized ({_HELD}),
kin as not materialized (
  select k.person_id, k.relative_id, daterange(k.valid_from, null) as during
  from kinships k where k.tenant_id = $1 and k.valid_to is null
  union all
  select k.relative_id, k.person_id, daterange(k.valid_from, null)
  from kinships k where k.tenant_id = $1 and k.valid_to is null
)
select r.code, a.id as one_id, a.person_id as one_person, a.body as one_body, a.post as one_post,
  b.id as other_id, b.person_id as other_person, b.body as other_body, b.post as other_post,
  lower(a.during * b.during * k.during * daterange(r.valid_from, r.valid_to)) as since
from unnest($2::text[], $3::text[], $4::text[], $5::date[], $6::date[])
  r(code, one, other, valid_from, valid_to)
cross join kin k
join held a on a.person_id = k.person_id and a.side = r.one
join held b on b.person_id = k.relative_id and b.side = r.other and b.place = a.place
where a.person_id <> b.person_id and (r.one <> r.other or a.id < b.id)
  and not isempty(a.during * b.during * k.during * daterange(r.valid_from, r.valid_to) * {{during}})
  and {{only}}
order by r.code, since, a.id, b.id limit {MOST}
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A post that somebody holds: its words, and the person."""

    title: str
    person_id: UUID


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two near relatives in posts that the rule keeps apart, since a day."""

    rule: Avoidance
    since: dt.date
    one: Held
    other: Held


async def alone_with_kinship(transaction: Transaction) -> None:
    """Until the transaction ends nobody else of the tenant fills a post or declares a kinship: two
    relatives who begin at once would each not see the other."""
    await transaction.connection.execute(
        "select pg_advisory_xact_lock(hashtextextended($1, 0))", f"{transaction.tenant_id}:kinship"
    )


async def refuse_relatives(transaction: Transaction, person_id: UUID, tenure_id: UUID) -> None:
    """The person may hold the post that this row, just written, gives them. Refusal when a near
    relative holds one that a rule keeps apart from it: it names the rule and the two posts, not
    the relative."""
    await alone_with_kinship(transaction)
    if not await transaction.connection.fetchval(
        "select exists (select 1 from kinships where tenant_id = $1 and valid_to is null"
        " and (person_id = $2 or relative_id = $2))",
        transaction.tenant_id,
        person_id,
    ):
        return
    rows = await transaction.connection.fetch(
        _CONFLICTS.format(
            during="daterange(null, null)",
            only="$7 in (k.person_id, k.relative_id) and $8 in (a.id, b.id)",
        ),
        transaction.tenant_id,
        *_rules(),
        person_id,
        tenure_id,
    )
    if not rows:
        return
    row = rows[0]
    rule = next(each for each in avoidances() if each.code == row["code"])
    mine, theirs = ("one", "other") if row["one_id"] == tenure_id else ("other", "one")
    raise Refusal(
        CONFLICT,
        f"{rule.sentence}:此人的近亲属任{_title(row, theirs)},此人不能同时任{_title(row, mine)}。",
        ("personId",),
    )


async def conflicts(connection: Any, tenant_id: UUID, scope: Scope, day: dt.date) -> list[Conflict]:
    """What stands on the day or is to come, where the scope reaches; at most MOST."""
    arguments: list[Any] = [tenant_id, *_rules(), day]

    def bind(value: Any, kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{kind}"

    only = scope.predicate(_PLACE, "a", "$1", bind)
    rows = await connection.fetch(
        _CONFLICTS.format(during="daterange($7, null)", only=only), *arguments
    )
    known = {rule.code: rule for rule in avoidances()}
    return [
        Conflict(
            known[row["code"]],
            row["since"],
            Held(_title(row, "one"), row["one_person"]),
            Held(_title(row, "other"), row["other_person"]),
        )
        for row in rows
    ]


def _title(row: Any, which: str) -> str:
    return f"「{row[f'{which}_body']}」{TITLES[row[f'{which}_post']]}"


def _rules() -> tuple[Sequence[Any], ...]:
    rules = avoidances()
    return (
        [rule.code for rule in rules],
        [rule.one for rule in rules],
        [rule.other for rule in rules],
        [rule.valid_from for rule in rules],
        [rule.valid_to for rule in rules],
    )
