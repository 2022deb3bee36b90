"""Grants: nobody gives more than they hold, nobody keeps what was taken."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guanjia.access.actor import FAR_FUTURE, LEVEL_OF_DEPTH, Actor, Held, without_conflicts
from guanjia.access.administrators import Term, refuse_without_administrator, uncovered
from guanjia.access.grants import GRANT, _may_give, grant_role, revoke_role, why_allowed
from guanjia.access.policy import Policy
from guanjia.access.rulebook import REACHES, OwnRole, Right
from guanjia.access.users import add_organisation_member, remove_organisation_member
from guanjia.db.ids import new_id
from guanjia.db.pools import Database
from guanjia.db.scope import is_within
from guanjia.graph.errors import Refusal

NOW = dt.datetime(2026, 11, 24, 2, 0, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=30)
PATHS = [
    "0001/",
    *(f"0001/000{s}/" for s in (2, 3)),
    *(f"0001/000{s}/00{s}{c}/" for s in (2, 3) for c in (1, 2)),
    *(f"0001/000{s}/00{s}{c}/0{s}{c}1/" for s in (2, 3) for c in (1, 2)),
]


@pytest.fixture(scope="session")
def tenant_policy(policy: Policy) -> Policy:
    """The built-in roles and some of a tenant's own, one of which gives roles."""
    own = [
        OwnRole(f"X_{name}", name, level, frozenset(Right(*text.split()) for text in rights))
        for name, level, rights in (
            ("PATROL", "COMMUNITY", ["case:read region", "case:report region"]),
            ("OWN", "COMMUNITY", ["case:read self"]),
            ("DESK", "STREET", ["case:read region", "role:grant region", "case:file region"]),
            ("HEAD", "DISTRICT", ["case:handle organisation", "role:grant region"]),
        )
    ]
    found = policy.extended(1, own)
    assert all(role.rights <= found.rights_of(role.code) for role in own)
    return found


def held(role: str, path: str) -> Held:
    return Held(new_id(), role, new_id(), path, NOW, None)


def actor_with(policy: Policy, grants: list[Held]) -> Actor:
    return Actor(
        new_id(), new_id(), None, None, "甲", "STAFF", tuple(grants), (new_id(),), 1,
        FAR_FUTURE, policy,
    )  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_delegation_never_reaches_beyond_the_granter(
    tenant_policy: Policy, data: st.DataObject
) -> None:
    """Random grants over a tree: what can be given is held by the giver there already, unless it
    stands in the catalogue of a security administrator's role, or is made of what stands there,
    and then it lies in the region."""
    policy = tenant_policy
    pairs = st.tuples(st.sampled_from(sorted(policy.roles)), st.sampled_from(PATHS))
    actor = actor_with(policy, [held(*pair) for pair in data.draw(st.lists(pairs, max_size=4))])
    role, path = data.draw(pairs)
    giving = [r for r in actor.scope(GRANT).covering(path) if _may_give(actor, r, role)]
    for reach in giving:
        assert is_within(path, reach.path)
    catalogued = [reach for reach in giving if policy.roles[reach.role].may_grant]
    for reach in catalogued:
        listed = policy.roles[reach.role].may_grant
        if policy.roles[role].own is None:
            assert role in listed
        assert policy.rights_of(role) <= frozenset[Right]().union(*map(policy.rights_of, listed))
    if not giving or catalogued:
        return
    for kind in REACHES:
        for permission in policy.permissions_in(policy.mask(role, kind)):
            own = [
                grant for grant in actor.grants
                if is_within(path, grant.path) and policy.allows(grant.role, permission, kind)
            ]  # fmt: skip
            assert own, f"{role} {permission} {kind} was not the giver's to give"


def test_of_two_incompatible_roles_the_later_is_void_at_use(policy: Policy) -> None:
    first, second = held("SYS", "0001/"), held("AUD", "0001/")
    assert without_conflicts([first, second], policy) == (first,)


async def given_role(
    database: Database, tenant: Any, actor: Actor, member: Any, role: str, region: str,
    until: dt.datetime | None = None, since: dt.datetime | None = None,
) -> Any:  # fmt: skip
    async with database.tenant_transaction(tenant.id) as transaction:
        return await grant_role(
            transaction, actor, actor.scope(GRANT), membership_id=member, role=role,
            region_id=tenant.regions[region].id, valid_from=since, valid_to=until, reason=None,
            now=NOW,
        )  # fmt: skip


async def test_a_granted_role_is_held_and_a_revoked_one_is_gone(
    database: Database, tenant: Any, person: Any, actor_of: Any
) -> None:
    security = await actor_of((await person("security", ("SEC", "district"))).membership_id)
    worker = (await person("worker")).membership_id
    before = await actor_of(worker)
    assert not before.scope("case:file")
    grant = await given_role(database, tenant, security, worker, "COMM", "north1")

    now = await actor_of(worker)
    assert now.scope("case:file").paths == (tenant.regions["north1"].path,)
    assert now.epoch > before.epoch

    for _ in range(2):
        async with database.tenant_transaction(tenant.id) as transaction:
            await revoke_role(
                transaction, security, security.scope(GRANT), grant_id=grant, reason=None, now=NOW
            )
    gone = await actor_of(worker)
    assert not gone.scope("case:file")
    assert gone.epoch == now.epoch + 1


@pytest.mark.parametrize(
    ("granter", "role", "region", "code"),
    [
        (("SEC", "district"), "COMM", "north", "WRONG_LEVEL"),
        (("SEC", "district"), "MEMBER", "north", "WRONG_LEVEL"),
        (("SEC", "district"), "KING", "north", "BAD_USER_INPUT"),
        (("CSEC", "north1"), "COMM", "south1", "NOT_FOUND"),
        (("CSEC", "north1"), "COMM", "north2", "NOT_FOUND"),
        (("CSEC", "north1"), "SCMD", "north", "NOT_FOUND"),
        (("CSEC", "north1"), "PPB", "north1", "EXCEEDS_OWN_RIGHTS"),
        (("COMM", "north1"), "COMM", "north1", "NOT_FOUND"),
    ],
)
async def test_what_may_not_be_given(
    database: Database, tenant: Any, person: Any, actor_of: Any,
    granter: tuple[str, str], role: str, region: str, code: str,
) -> None:  # fmt: skip
    actor = await actor_of((await person("granter", granter)).membership_id)
    other = (await person("other")).membership_id
    with pytest.raises(Refusal) as refused:
        await given_role(database, tenant, actor, other, role, region)
    assert refused.value.code == code
    assert not (await actor_of(other)).grants


async def test_neither_oneself_nor_incompatible_nor_longer_than_ones_own(
    database: Database, tenant: Any, person: Any, actor_of: Any
) -> None:
    actor = await actor_of((await person("sec", ("SEC", "district"), until=LATER)).membership_id)
    system = (await person("system", ("SYS", "district"))).membership_id
    for member, role, until, code in [
        (actor.membership_id, "DCMD", NOW + dt.timedelta(days=1), "SELF_GRANT"),
        (system, "AUD", NOW + dt.timedelta(days=1), "SEPARATION_OF_DUTIES"),
        (system, "DCMD", None, "EXCEEDS_OWN_RIGHTS"),
        (system, "DCMD", LATER + dt.timedelta(seconds=1), "EXCEEDS_OWN_RIGHTS"),
        (system, "DCMD", NOW - dt.timedelta(days=1), "BAD_USER_INPUT"),
        (new_id(), "DCMD", LATER, "NOT_FOUND"),
    ]:
        with pytest.raises(Refusal) as refused:
            await given_role(database, tenant, actor, member, role, "district", until)
        assert refused.value.code == code
    await given_role(database, tenant, actor, system, "DCMD", "district", LATER)


async def test_a_lent_role_is_not_given_for_longer_than_it_was_lent(
    database: Database, tenant: Any, person: Any, actor_of: Any
) -> None:
    lasting, lent = ("CSEC", "north1"), ("PPB", "north1")
    secretary = (await person("secretary", lasting)).membership_id
    security = await actor_of((await person("sec", ("SEC", "district"))).membership_id)
    await given_role(database, tenant, security, secretary, *lent, LATER)
    actor = await actor_of(secretary)
    other = (await person("other")).membership_id
    for until in (None, LATER + dt.timedelta(seconds=1)):
        with pytest.raises(Refusal) as refused:
            await given_role(database, tenant, actor, other, "PPB", "north1", until)
        assert refused.value.code == "EXCEEDS_OWN_RIGHTS"
    await given_role(database, tenant, actor, other, "PPB", "north1", LATER)
    await given_role(database, tenant, actor, other, "COMM", "north1")


async def test_a_grant_begins_and_ends_on_time_and_an_actor_is_no_older(
    database: Database, tenant: Any, person: Any, actor_of: Any
) -> None:
    security = await actor_of((await person("sec", ("SEC", "district"))).membership_id)
    member = (await person("temp")).membership_id
    start = NOW + dt.timedelta(hours=1)
    await given_role(database, tenant, security, member, "DCMD", "district", LATER, start)
    early = await actor_of(member)
    assert (early.grants, early.expires_at) == ((), start)
    during = await actor_of(member, now=start)
    assert (during.roles, during.expires_at) == (("DCMD",), LATER)
    assert (await actor_of(member, now=LATER)).roles == ()


async def test_two_administrators_do_not_revoke_each_other(
    database: Database, tenant: Any, person: Any, actor_of: Any
) -> None:
    """The second waits for the first to commit and then finds itself the last."""
    members = [(await person(name, ("SEC", "district"))).membership_id for name in ("sec1", "sec2")]
    first, second = [await actor_of(member) for member in members]
    revoked, outcome = asyncio.Event(), []

    async def revoke(actor: Actor, other: Actor) -> None:
        async with database.tenant_transaction(tenant.id) as transaction:
            await revoke_role(
                transaction, actor, actor.scope(GRANT), grant_id=other.grants[0].id,
                reason=None, now=NOW,
            )  # fmt: skip
            if actor is first:
                revoked.set()
                await asyncio.sleep(0.2)
            outcome.append(actor)

    async def answer() -> None:
        await revoked.wait()
        with pytest.raises(Refusal) as refused:
            await revoke(second, first)
        outcome.append(refused.value.code)

    await asyncio.gather(revoke(first, second), answer())
    assert outcome == [first, "LAST_ADMINISTRATOR"]


@pytest.mark.parametrize(("off", "held_then"), [(-1, True), (0, False), (1, False)])
async def test_a_grant_is_held_until_its_last_microsecond(
    database: Database, tenant: Any, person: Any, actor_of: Any, off: int, held_then: bool
) -> None:
    member = (await person("temp", ("DCMD", "district"), until=LATER)).membership_id
    moment = LATER + dt.timedelta(microseconds=off)
    actor = await actor_of(member, now=moment)
    assert bool(actor.grants) == held_then
    assert actor.expires_at == (LATER if held_then else FAR_FUTURE)
    async with database.snapshot(tenant.id) as connection:
        why = await why_allowed(
            connection, actor.policy, membership_id=member, permission="case:read",
            region_path=tenant.regions["south1"].path, now=moment,
        )  # fmt: skip
    assert why.allowed == held_then


async def test_who_leaves_an_organisation_loses_its_reach(
    database: Database, tenant: Any, person: Any, actor_of: Any
) -> None:
    system = await actor_of((await person("sys", ("SYS", "district"))).membership_id)
    member = (await person("dept", ("DEPT", "district"))).membership_id
    organisation, district = new_id(), tenant.regions["district"]
    async with database.tenant_transaction(tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into organisations (id, kind, name, region_id, region_path)"
            " values ($1, 'DEPARTMENT', '住建局', $2, $3)",
            organisation, district.id, district.path,
        )  # fmt: skip
    assert not (await actor_of(member)).scope("case:handle")
    scope = system.scope("organisation:manage")
    for change, expected in [
        (add_organisation_member, (organisation,)),
        (remove_organisation_member, ()),
    ]:
        epochs = []
        for _ in range(2):
            async with database.tenant_transaction(tenant.id) as transaction:
                moment = NOW if expected else NOW + dt.timedelta(seconds=1)
                await change(
                    transaction, system, scope, organisation_id=organisation,
                    membership_id=member, now=moment,
                )  # fmt: skip
            actor = await actor_of(member, now=NOW + dt.timedelta(seconds=2))
            epochs.append(actor.epoch)
            assert actor.scope("case:handle").organisations == expected
        assert epochs[0] == epochs[1]


async def test_why_says_what_the_actor_may_do(
    database: Database, tenant: Any, person: Any, actor_of: Any, policy: Policy
) -> None:
    north, south = tenant.regions["north1"].path, tenant.regions["south1"].path
    secretary = (await person("secretary", ("CSEC", "north1"))).membership_id
    department = (await person("department", ("DEPT", "district"))).membership_id
    async with database.snapshot(tenant.id) as connection:

        async def why(member: Any, permission: str, path: str) -> Any:
            return await why_allowed(
                connection, policy, membership_id=member, permission=permission,
                region_path=path, now=NOW,
            )  # fmt: skip

        here = await why(secretary, "case:file", north)
        assert (here.allowed, here.role) == (True, "CSEC")
        assert here.rule == "p, COMM, case:file, region, allow"
        assert here.grant_id is not None
        assert not (await why(secretary, "case:file", south)).allowed
        assert not (await why(secretary, "case:void", north)).allowed
        # In no organisation: nothing was given to them.
        assert not (await why(department, "case:handle", north)).allowed
        assert not (await why(new_id(), "case:file", north)).allowed


def test_levels_follow_from_the_paths() -> None:
    assert {LEVEL_OF_DEPTH[len(path)] for path in PATHS} == set(LEVEL_OF_DEPTH.values())


DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("others", "alone"),
    [
        ([], 0),
        ([(0, 5)], 5),
        ([(0, 5), (5, 9)], 9),
        ([(0, 5), (4, 10)], None),
        ([(4, 20), (0, 5)], None),
        ([(0, 5), (6, 20)], 5),
        ([(1, 20)], 0),
        ([(-3, 2), (-1, 10)], None),
    ],
)
def test_somebody_can_always_give_roles(others: list[tuple[int, int]], alone: int | None) -> None:
    """Of a term of ten days, the first day on which no other runs."""

    def term(start: int, end: int) -> Term:
        return Term(NOW + start * DAY, NOW + end * DAY)

    found = uncovered(term(0, 10), [term(*other) for other in others])
    assert found == (None if alone is None else NOW + alone * DAY)


async def test_whoever_takes_over_in_the_future_stays_too(
    database: Database, tenant: Any, person: Any, actor_of: Any
) -> None:
    """The right that begins when the present one ends cannot be taken away any more than that."""
    present, future = [(await person(name)).membership_id for name in ("present", "future")]
    async with database.tenant_transaction(tenant.id) as transaction:
        for member, start, end in ((present, NOW - DAY, LATER), (future, LATER, None)):
            await transaction.connection.execute(
                "insert into grants (id, membership_id, role, region_id, region_path, valid_from,"
                " valid_to) select gen_random_uuid(), $1, 'SEC', id, path, $2, $3 from regions"
                " where level = 'DISTRICT'",
                member,
                start,
                end,
            )
        found = await transaction.connection.fetch("select id, membership_id from grants")
    grants = {row["membership_id"]: row["id"] for row in found}
    actor = await actor_of(present)
    async with database.tenant_transaction(tenant.id) as transaction:
        for leaving, words in ((future, "其他安全管理员的授权只到"), (present, "最后一名")):
            with pytest.raises(Refusal, match=words) as refused:
                await refuse_without_administrator(
                    transaction, actor.policy, [grants[leaving]], NOW
                )
            assert refused.value.code == "LAST_ADMINISTRATOR"
