"""The policies: bits equal Casbin, the ALLOW table holds, and bad files are named."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import casbin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guanjia.access.policy import REACHES, BadPolicy, load

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
    catalogue = [f'[roles.{role}]\ntitle = "{role}"\nlevels = ["GRID"]' for role in ROLES]
    (folder / "roles.toml").write_text("\n".join(catalogue))
    table = ["role,permission,reach,levels"]
    table += [f"R0,{permission},region,GRID" for permission in PERMISSIONS]
    (folder / "allow" / "allow.csv").write_text("\n".join(table))
    return folder


@settings(max_examples=25, deadline=None)
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
    ],
)
def test_a_bad_catalogue_is_named(tmp_path: Path, toml: str, said: str) -> None:
    folder = written(tmp_path / "policies", ["g, R2, R0", "g, R2, R1"])
    with (folder / "roles.toml").open("a") as file:
        file.write(toml)
    with pytest.raises(BadPolicy, match=said):
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
