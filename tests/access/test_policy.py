"""The policies: bits equal Casbin, the ALLOW table holds, and bad files are named."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import casbin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guanjia.access.policy import load
from guanjia.access.rulebook import REACHES, BadPolicy, OwnRole, Right

POLICIES = Path(__file__).parents[2] / "policies"
ROLES = [f"R{n}" for n in range(5)]
PERMISSIONS = [f"thing:verb{n}" for n in range(4)]

rules = st.lists(
    st.tuples(
        st.sampled_from(ROLES),
        st.sampled_from(PERMISSIONS),
        st.sampled_from(REACHES),
        st.sampled_from(["allow", "allow", "deny"]),
    ),
    min_size=1,
    max_size=25,
    unique=True,
)
# From a lower number to a higher one: no circles.
heirs = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4)).filter(lambda pair: pair[0] < pair[1]),
    max_size=6,
    unique=True,
)


def written(folder: Path, lines: list[str]) -> Path:
    """A folder of policies with these rules over ROLES and PERMISSIONS."""
    (folder / "allow").mkdir(parents=True)
    shutil.copy(POLICIES / "model.conf", folder)
    (folder / "some.csv").write_text("\n".join(lines))
    catalogue = ['everyone = "R4"']
    catalogue += [f'[roles.{role}]\ntitle = "{role}"\nlevels = ["GRID"]' for role in ROLES]
    (folder / "roles.toml").write_text("\n".join(catalogue))
    table = ["role,permission,reach,levels"]
    table += [f"R0,{permission},region,GRID" for permission in PERMISSIONS]
    (folder / "allow" / "allow.csv").write_text("\n".join(table))
    return folder


@settings(max_examples=25)
@given(rules, heirs)
def test_the_bits_are_what_casbin_says(
    rows: list[tuple[str, str, str, str]], edges: list[tuple[int, int]]
) -> None:
    lines = ["p, " + ", ".join(row) for row in rows] + [f"g, R{a}, R{b}" for a, b in edges]
    with tempfile.TemporaryDirectory() as name:
        folder = written(Path(name) / "policies", lines)
        policy = load(folder)
        oracle = casbin.Enforcer(str(folder / "model.conf"), str(folder / "some.csv"))
    for role in ROLES:
        for permission in PERMISSIONS:
            for reach in REACHES:
                expected = oracle.enforce(role, permission, reach)
                assert policy.allows(role, permission, reach) == expected
                assert (policy.explain(role, permission, reach) is not None) == expected


own_rights = st.frozensets(
    st.builds(Right, st.sampled_from(PERMISSIONS), st.sampled_from(REACHES)), max_size=8
)


@settings(max_examples=25)
@given(rules, heirs, st.lists(own_rights, min_size=1, max_size=3))
def test_the_bits_of_own_roles_are_what_casbin_says_and_no_wider(
    rows: list[tuple[str, str, str, str]],
    edges: list[tuple[int, int]],
    wanted: list[frozenset[Right]],
) -> None:
    lines = ["p, " + ", ".join(row) for row in rows] + [f"g, R{a}, R{b}" for a, b in edges]
    own = [OwnRole(f"X_{n}", f"自建{n}", "GRID", rights) for n, rights in enumerate(wanted)]
    with tempfile.TemporaryDirectory() as name:
        folder = written(Path(name) / "policies", lines)
        policy = load(folder)
        extended = policy.extended(7, own)
        oracle = casbin.Enforcer(str(folder / "model.conf"), str(folder / "some.csv"))
    widest = {
        Right(permission, reach)
        for permission in PERMISSIONS
        for reach in REACHES
        if any(oracle.enforce(role, permission, reach) for role in ROLES)
    }
    for role in own:
        oracle.add_grouping_policy(role.code, "R4")
        for right in role.rights & widest:
            oracle.add_policy(role.code, *right, "allow")
    for code in [*ROLES, *(role.code for role in own)]:
        for permission in PERMISSIONS:
            for reach in REACHES:
                expected = oracle.enforce(code, permission, reach)
                assert extended.allows(code, permission, reach) == expected
                assert (extended.explain(code, permission, reach) is not None) == expected
    assert all(extended.rights_of(role.code) <= widest for role in own)
    assert not any(policy.mask(role.code, reach) for role in own for reach in REACHES)
    assert extended.version != policy.version


def test_each_separated_role_has_a_duty_that_is_its_own() -> None:
    policy = load(POLICIES)
    for code in ("SYS", "SEC", "AUD"):
        assert policy.duty({code}, "DISTRICT"), code
        assert not policy.duty({code}, "COMMUNITY")


@pytest.mark.parametrize(
    ("wanted", "joins"),
    [
        (["role:grant", "user:manage"], True),
        (["audit:read", "role:grant"], True),
        (["case:archive", "tenant:manage"], True),
        (["role:read", "user:read", "case:read"], False),
        (["role:grant", "case:read"], False),
        (["user:manage", "organisation:manage", "case:dispatch"], False),
    ],
)
def test_a_role_that_joins_separated_duties_gives_nothing(wanted: list[str], joins: bool) -> None:
    policy = load(POLICIES)
    rights = frozenset(Right(name, "region") for name in wanted)
    assert rights <= policy.rights_at("DISTRICT")
    role = OwnRole("X_A", "自建", "DISTRICT", rights)
    assert (policy.joined_duties(role) is not None) == joins
    assert bool(policy.extended(1, [role]).rights_of("X_A")) != joins


def test_an_own_role_carries_the_duties_it_holds() -> None:
    policy = load(POLICIES)
    grants = OwnRole("X_G", "授权员", "DISTRICT", frozenset({Right("role:grant", "region")}))
    manages = OwnRole("X_M", "账号员", "DISTRICT", frozenset({Right("user:manage", "region")}))
    reads = OwnRole(
        "X_R", "查阅员", "COMMUNITY", frozenset({Right("case:read", "region")}),
        incompatible=frozenset({"COMM"}),
    )  # fmt: skip
    extended = policy.extended(1, [grants, manages, reads])
    for pair in (("X_G", "SYS"), ("X_G", "AUD"), ("X_M", "SEC"), ("X_M", "X_G"), ("X_R", "CSEC")):
        assert extended.conflicts(pair), pair
    for pair in (("X_G", "SEC"), ("X_M", "SYS"), ("X_R", "GRID"), ("X_R", "X_G")):
        assert not extended.conflicts(pair), pair


def test_the_policies_are_exactly_the_allow_table() -> None:
    assert load(POLICIES).mismatches() == []


def test_a_rule_too_many_and_a_rule_too_few_are_both_named(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    shutil.copytree(POLICIES, folder)
    with (folder / "audit.csv").open("a") as file:
        file.write("\np, SYS, audit:read, region, allow\np, AUD, role:read, region, deny\n")
    found = load(folder).mismatches()
    assert any(line.startswith("SYS audit:read region DISTRICT") for line in found)
    assert any(line.startswith("AUD role:read region DISTRICT") for line in found)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("p, NOBODY, thing:verb0, region, allow", "NOBODY"),
        ("p, R0, thing:verbb, region, allow", "thing:verbb"),
        ("p, R0, thing:verb0, planet, allow", "planet"),
        ("p, R0, thing:verb0, region, maybe", "allow 或 deny"),
        ("p, R0, thing:verb0", "第 1 行"),
        ("g, R0, R1\ng, R1, R2\ng, R2, R0", "继承了自己"),
    ],
)
def test_a_bad_rule_is_named(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(BadPolicy, match=said):
        load(written(tmp_path / "policies", [line]))


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('\n[[separation]]\nroles = ["R0", "R9"]\nreason = "x"', "R9"),
        ('\n[[separation]]\nroles = ["R0", "R1"]\nreason = "x"', "R2 兼有"),
        ('\n[roles.R9]\ntitle = "x"\nlevels = ["PLANET"]', "PLANET"),
        ("\n[roles", "无法读取"),
        ('\n[roles.X_A]\ntitle = "x"\nlevels = ["GRID"]', "X_A"),
    ],
)
def test_a_bad_catalogue_is_named(tmp_path: Path, toml: str, said: str) -> None:
    folder = written(tmp_path / "policies", ["g, R2, R0", "g, R2, R1"])
    with (folder / "roles.toml").open("a") as file:
        file.write(toml)
    with pytest.raises(BadPolicy, match=said):
        load(folder)


def test_everyone_is_a_role(tmp_path: Path) -> None:
    folder = written(tmp_path / "policies", [])
    text = (folder / "roles.toml").read_text()
    (folder / "roles.toml").write_text(text.replace('everyone = "R4"', 'everyone = "R9"'))
    with pytest.raises(BadPolicy, match="R9"):
        load(folder)


def test_an_heir_conflicts_as_its_ancestor_does(tmp_path: Path) -> None:
    folder = written(tmp_path / "policies", ["g, R2, R0"])
    with (folder / "roles.toml").open("a") as file:
        file.write('\n[[separation]]\nroles = ["R0", "R1"]\nreason = "x"')
    policy = load(folder)
    assert policy.conflicts(["R2", "R1"])
    assert not policy.conflicts(["R2", "R0"])


def test_every_change_is_another_version(tmp_path: Path) -> None:
    first = load(written(tmp_path / "a", ["p, R0, thing:verb0, region, allow"]))
    again = load(written(tmp_path / "b", ["p, R0, thing:verb0, region, allow"]))
    other = load(written(tmp_path / "c", ["p, R0, thing:verb1, region, allow"]))
    assert first.version == again.version != other.version
