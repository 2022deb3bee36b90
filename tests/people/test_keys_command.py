"""`guanjia key` as an operator runs it, on a database that is being served."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from tests.people.test_revealing import look, seen
from tests.test_cli import given, guanjia

from guanjia.db.connections import Connections
from guanjia.db.ids import new_id
from guanjia.people.ciphers import Key
from guanjia.tenancy.models import OPERATOR, tenant_id

ID = {"kind": "CITIZEN_ID", "number": "350702198811029972"}


async def test_keys_are_rotated_and_wrapped_anew(
    town: Any, tmp_path: Path, connections: Connections
) -> None:
    clerk, database = await town.person("COMM", "north1"), town.api.world.database
    person = (await town.registered(clerk, "north1", documents=[ID]))["person"]
    async with database.tenant_transaction(tenant_id(OPERATOR)) as transaction:
        await transaction.connection.execute(
            "insert into tenant_register (id, slug, code, name) values ($1, $2, '990101', '测试')",
            new_id(),
            town.tenant.slug,
        )
    served = [base64.b64encode(key).decode() for key in town.api.world.settings.master_keys()]
    addresses = given(connections, "app_rw", "app_ro")

    async def run(*arguments: str, keys: list[str]) -> Any:
        return await guanjia(
            tmp_path, "key", *arguments, GUANJIA_MASTER_KEY=",".join(keys), **addresses
        )

    rotated = await run("rotate", "--tenant", town.tenant.slug, keys=served)
    assert rotated.stdout == (
        f"{town.tenant.slug}:数据密钥第 2 版已启用,重新加密 1 人,旧密钥已删除。\n"
    ), rotated.stderr
    (number,) = (await seen(clerk, look(person)))["values"]
    assert number["value"] == ID["number"]

    new = base64.b64encode(Key.new().secret).decode()
    wrapped = await run("rewrap", keys=[new, *served])
    assert f"{town.tenant.slug}:2 个密钥已由新的主密钥保护。" in wrapped.stdout, wrapped.stderr
    lost = await run("rotate", "--tenant", town.tenant.slug, keys=served)
    assert lost.returncode == 1
    assert "GUANJIA_MASTER_KEY 中没有它" in lost.stderr
    assert "Traceback" not in lost.stderr
    nobody = await run("rotate", "--tenant", "nobody", keys=[new])
    assert (nobody.returncode, "找不到该租户" in nobody.stderr) == (1, True)
