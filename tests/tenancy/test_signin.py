"""How a tenant's file tightens the rules for signing in, and never loosens them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.tenancy.test_onboarding import Trial, trial

from guanjia import settings
from guanjia.db.pools import Database
from guanjia.tenancy.signin import NAMES, SignInRules, rules, rules_of_tenant
from guanjia.tenancy.tenantfile import BadTenantFile, OidcIssuer, SignIn, load

PLATFORM = settings.Settings()
TOML = """slug = "some"
code = "350702"
name = "某区"
regions = "r.csv"

[sign_in]
{line}

[[oidc]]
issuer = "https://id.example"
audience = "guanjia"
{source}
"""
WEAKER = {
    "password_min_length": 9, "password_classes": 2, "password_max_age_days": 91,
    "lock_failures": 6, "lock_seconds": 899, "idle_seconds": 901, "absolute_seconds": 28_801,
    "resident_idle_seconds": 604_801, "resident_absolute_seconds": 2_592_001,
}  # fmt: skip
STRICTER = {
    "password_min_length": 12, "password_classes": 4, "password_max_age_days": 60,
    "lock_failures": 3, "lock_seconds": 1_800, "idle_seconds": 600, "absolute_seconds": 14_400,
    "resident_idle_seconds": 86_400, "resident_absolute_seconds": 604_800,
}  # fmt: skip


def described(tmp_path: Path, line: str = "", source: str = "jwks = { keys = [] }") -> Any:
    (tmp_path / "r.csv").write_text("code,name,level,parent_code\n", encoding="utf-8")
    file = tmp_path / "some.toml"
    file.write_text(TOML.format(line=line, source=source), encoding="utf-8")
    return load(file)[0]


def faults(tmp_path: Path, **parts: str) -> list[str]:
    with pytest.raises(BadTenantFile) as bad:
        described(tmp_path, **parts)
    return bad.value.faults


def test_every_rule_can_be_tightened(tmp_path: Path) -> None:
    assert set(STRICTER) == set(WEAKER) == set(NAMES) == set(SignIn.model_fields)
    lines = "\n".join(f"{name} = {value}" for name, value in STRICTER.items())
    own = described(tmp_path, lines).settings()["sign_in"]
    assert own == STRICTER
    assert rules(PLATFORM, own) == SignInRules(**STRICTER)


@pytest.mark.parametrize("name", WEAKER)
def test_a_weaker_rule_is_refused_by_its_line(tmp_path: Path, name: str) -> None:
    (said,) = faults(tmp_path, line=f"# 更宽松\n{name} = {WEAKER[name]}")
    floor = getattr(PLATFORM, name)
    assert said == (f"some.toml 第 8 行 sign_in.{name}:{WEAKER[name]} 比平台的底线 {floor} 宽松")
    # Nor does one that a row holds from before the floor rose come through.
    assert getattr(rules(PLATFORM, {name: WEAKER[name]}), name) == floor


@pytest.mark.parametrize(
    "line", ["idle_seconds = 0", "idle_seconds = -1", "idle_seconds = 'x'", "lock_seconds = 1e999",
             "password_classes = 5", "password_min_length = 65", "lock_failures = 0", "idle = 5"],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_refused_by_its_line(tmp_path: Path, line: str) -> None:
    (said,) = faults(tmp_path, line=line)
    assert said.startswith("some.toml 第 7 行 sign_in.")


@pytest.mark.parametrize(
    "source",
    [
        'jwks_url = "http://id.example/jwks"', 'jwks_url = "ftp://id.example/"', 'jwks_url = "x"',
        'jwks_url = "https://user:word@id.example/"', 'jwks_url = "https://"', 'jwks_url = ""',
        'jwks_url = "https://id.example/\\u0000"', 'jwks_url = "https://id.example/#x"',
    ],
)  # fmt: skip
def test_a_key_address_is_https_and_nothing_else(tmp_path: Path, source: str) -> None:
    (said,) = faults(tmp_path, source=source)
    assert said.startswith("some.toml 第 12 行 oidc[1].jwks_url:")


@pytest.mark.parametrize("source", ["", 'jwks = {}\njwks_url = "https://id.example/jwks"'])
def test_keys_come_from_one_place(tmp_path: Path, source: str) -> None:
    (said,) = faults(tmp_path, source=source)
    assert said == "some.toml 第 9 行 oidc[1]:jwks 与 jwks_url 须且只能给出一个"


def test_faults_elsewhere_name_their_line_too(tmp_path: Path) -> None:
    file = tmp_path / "some.toml"
    people = "".join(f'[[administrators]]\nlogin = "{n}"\nname = "某"\n' for n in ("sys", "S"))
    file.write_text('code = "3507"\n' + people, encoding="utf-8")
    with pytest.raises(BadTenantFile) as bad:
        load(file)
    assert [said.split(" ", 1)[1].split(":")[0] for said in bad.value.faults] == [
        "slug", "第 1 行 code", "name", "regions", "第 2 行 administrators[1].role",
        "第 6 行 administrators[2].login", "第 5 行 administrators[2].role",
    ]  # fmt: skip


async def rules_now(zhaodong: Trial) -> Any:
    async with zhaodong.database.tenant_transaction(zhaodong.id) as transaction:
        return await rules_of_tenant(transaction.connection, PLATFORM)


async def test_onboarding_plans_writes_and_records_a_change(database: Database) -> None:
    zhaodong = trial(database, "zhaodong")
    assert await rules_now(zhaodong) is None
    await zhaodong.run()
    assert await rules_now(zhaodong) == rules(PLATFORM, {})
    issuer = OidcIssuer(
        issuer="https://id.example", audience="guanjia", jwks_url="https://id.example/jwks"
    )
    zhaodong.described = zhaodong.described.model_copy(
        update={"sign_in": SignIn(idle_seconds=600), "oidc": (issuer,)}
    )
    wanted = ["登录规则 idle_seconds:平台规定 → 600", "签发方新增:https://id.example"]
    planned = await zhaodong.run(apply=False)
    assert planned.settings == wanted
    assert planned.lines()[1:] == ["区划无变化", *wanted]
    assert (await rules_now(zhaodong)).idle_seconds == 900

    done = await zhaodong.run()
    assert done.changed
    assert done.lines()[1:4] == ["区划无变化", *wanted]
    assert (await rules_now(zhaodong)).idle_seconds == 600
    async with database.snapshot(zhaodong.id) as connection:
        detail = await connection.fetchval(
            "select detail from audit_records where tenant_id = $1 and action = 'tenant.settings'",
            zhaodong.id,
        )
    assert json.loads(detail) == {"changes": wanted}

    again = await zhaodong.run()
    assert not again.changed
    assert again.settings == []
    zhaodong.described = zhaodong.described.model_copy(update={"sign_in": SignIn(), "oidc": ()})
    assert (await zhaodong.run()).settings == [
        "登录规则 idle_seconds:600 → 平台规定", "签发方移除:https://id.example",
    ]  # fmt: skip
    assert await rules_now(zhaodong) == rules(PLATFORM, {})
