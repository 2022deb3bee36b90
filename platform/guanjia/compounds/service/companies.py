"""Property companies are registered; contracts are signed and end."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from uuid import UUID

from guanjia.audit.service import Recorded
from guanjia.compounds.models.estates import ManagementMode
from guanjia.compounds.service.opening import (
    in_order,
    local_day,
    open_compound,
    record_write,
    same_version,
    span,
)
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.graph.texts import line
from guanjia.tenancy.creditcodes import credit_code
from guanjia.tenancy.organisations import create_company

_QUALIFICATION = 60
_PHONE = re.compile(r"[0-9]{3,4}-?[0-9]{4,8}(-[0-9]{1,6})?")
_CONTRACT = (
    "select t.*, c.region_path, o.name as company from property_contracts t"
    " join compounds c on c.tenant_id = t.tenant_id and c.id = t.compound_id"
    " join property_companies p on p.tenant_id = t.tenant_id and p.id = t.company_id"
    " join organisations o on o.tenant_id = t.tenant_id and o.id = p.organisation_id"
    " where t.tenant_id = $1"
)


async def register_company(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    credit_code: str,
    now: dt.datetime,
    organisation_id: UUID | None = None,
    name: str | None = None,
    region_id: UUID | None = None,
    qualification: str | None = None,
    service_phone: str | None = None,
    party_members: int = 0,
) -> UUID:
    """The organisation, given or made with this name at a region of the scope, is a property
    company with this 统一社会信用代码 (GB 32100). Returns the company's id."""
    details = _details(credit_code, qualification, service_phone, party_members)
    await _refuse_same_code(transaction, details["credit_code"], None)
    organisation = await _organisation(transaction, actor, scope, organisation_id, name, region_id)
    company_id: UUID | None = await transaction.connection.fetchval(
        "insert into property_companies (id, organisation_id, credit_code, qualification,"
        " service_phone, party_members) values ($1, $2, $3, $4, $5, $6)"
        " on conflict do nothing returning id",
        new_id(),
        organisation["id"],
        *details.values(),
    )
    if company_id is None:
        raise Refusal(CONFLICT, "该机构已登记为物业公司。", ("organisationId",))
    return await record_write(
        transaction,
        actor,
        scope,
        "company.register",
        company_id,
        organisation["region_path"],
        of="PropertyCompany",
    )


async def change_company(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: dt.datetime,
    **changes: Any,
) -> UUID:
    """The company has the given details. It is changed where it is registered or at work."""
    row = await transaction.connection.fetchrow(
        "select p.*, o.region_path from property_companies p join organisations o"
        " on o.tenant_id = p.tenant_id and o.id = p.organisation_id"
        " where p.tenant_id = $1 and p.id = $2 for update of p",
        transaction.tenant_id,
        id,
    )
    if row is None or not await _at_work(transaction, scope, row, local_day(now)):
        raise not_found("物业公司", "id")
    same_version(row, version)
    names = ("credit_code", "qualification", "service_phone", "party_members")
    # These two cannot be empty: null leaves them as they are.
    given = {
        name: value
        for name, value in changes.items()
        if value is not None or name not in ("credit_code", "party_members")
    }
    details = _details(*(given.get(name, row[name]) for name in names))
    await _refuse_same_code(transaction, details["credit_code"], id)
    await transaction.connection.execute(
        "update property_companies set credit_code = $3, qualification = $4, service_phone = $5,"
        " party_members = $6, version = version + 1 where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        id,
        *details.values(),
    )
    return await record_write(
        transaction, actor, scope, "company.change", id, row["region_path"], of="PropertyCompany",
        changed=sorted(name for name in names if details[name] != row[name]),
    )  # fmt: skip


async def sign_contract(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    compound_id: UUID,
    company_id: UUID,
    starts_on: dt.date,
    now: dt.datetime,
    ends_on: dt.date | None = None,
) -> UUID:
    """The company looks after the compound from `starts_on` to `ends_on`, both days with it;
    no other does on any of them (物业管理条例 art. 33). Returns the contract's id."""
    compound = await open_compound(transaction, scope, compound_id)
    if not await transaction.connection.fetchval(
        "select exists (select 1 from property_companies p join organisations o"
        " on o.tenant_id = p.tenant_id and o.id = p.organisation_id"
        " where p.tenant_id = $1 and p.id = $2 and o.active)",
        transaction.tenant_id,
        company_id,
    ):
        raise not_found("物业公司", "companyId")
    in_order(starts_on, ends_on, "endsOn")
    await _refuse_overlap(transaction, compound_id, starts_on, ends_on)
    contract_id = new_id()
    await transaction.connection.execute(
        "insert into property_contracts (id, compound_id, company_id, starts_on, ends_on)"
        " values ($1, $2, $3, $4, $5)",
        contract_id,
        compound_id,
        company_id,
        starts_on,
        ends_on,
    )
    day = local_day(now)
    if starts_on <= day and (ends_on is None or day <= ends_on):
        await _manage(transaction, compound_id, ManagementMode.PROPERTY_COMPANY)
    return await record_write(
        transaction,
        actor,
        scope,
        "contract.sign",
        contract_id,
        compound["region_path"],
        of="PropertyContract",
        starts_on=starts_on,
        ends_on=ends_on,
    )


async def end_contract(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    ends_on: dt.date,
    reason: str,
    now: dt.datetime,
    management_mode: ManagementMode | None = None,
) -> UUID:
    """`ends_on` is the contract's last day. When that is over or today and no other contract is in
    force, the compound is managed as said, or else by the rule: by its owners where their
    committee is in office, by the community where there is none."""
    row = await transaction.connection.fetchrow(
        f"{_CONTRACT} and t.id = $2 for update of t", transaction.tenant_id, id
    )
    if row is None or not scope.covering(row["region_path"]):
        raise not_found("合同", "id")
    same_version(row, version)
    said = line(reason, "终止原因", "reason")
    if not said:
        raise Refusal(BAD_USER_INPUT, "请填写终止原因。", ("reason",))
    in_order(row["starts_on"], ends_on, "endsOn")
    if row["ends_on"] is not None and ends_on > row["ends_on"]:
        raise Refusal(BAD_USER_INPUT, f"合同至 {row['ends_on']} 止;延长须另签合同。", ("endsOn",))
    if management_mode == ManagementMode.PROPERTY_COMPANY:
        raise Refusal(
            BAD_USER_INPUT, "由下一家物业公司管理的,请为其签订合同。", ("managementMode",)
        )
    await open_compound(transaction, scope, row["compound_id"], "id")
    await transaction.connection.execute(
        "update property_contracts set ends_on = $3, end_reason = $4, version = version + 1"
        " where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        id,
        ends_on,
        said,
    )
    if ends_on <= local_day(now) and not await _served_after(
        transaction, row["compound_id"], local_day(now)
    ):
        mode = management_mode or await _without_company(
            transaction, row["compound_id"], local_day(now)
        )
        await _manage(transaction, row["compound_id"], mode)
    return await record_write(
        transaction,
        actor,
        scope,
        "contract.end",
        id,
        row["region_path"],
        of="PropertyContract",
        ends_on=ends_on,
    )


def _details(
    code: str, qualification: str | None, service_phone: str | None, party_members: int
) -> dict[str, Any]:
    phone = line(service_phone, "服务电话", "servicePhone") or None
    if phone is not None and not _PHONE.fullmatch(phone):
        raise Refusal(BAD_USER_INPUT, "服务电话只含数字和连字符。", ("servicePhone",))
    if party_members < 0:
        raise Refusal(BAD_USER_INPUT, "党员人数不能为负。", ("partyMembers",))
    return {
        "credit_code": credit_code(code, "creditCode").text,
        "qualification": line(qualification, "资质", "qualification", _QUALIFICATION) or None,
        "service_phone": phone,
        "party_members": party_members,
    }


async def _organisation(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    organisation_id: UUID | None,
    name: str | None,
    region_id: UUID | None,
) -> Any:
    """The organisation of kind PROPERTY_COMPANY that was given, or a new one."""
    if organisation_id is None:
        if name is None or region_id is None:
            raise Refusal(
                BAD_USER_INPUT, "请选择已有机构,或填写公司名称和所在区域。", ("organisationId",)
            )
        organisation_id = await create_company(
            transaction, actor, scope, kind="PROPERTY_COMPANY", name=name, region_id=region_id
        )
    row = await transaction.connection.fetchrow(
        "select id, region_path from organisations where tenant_id = $1 and id = $2 and active"
        " and kind = 'PROPERTY_COMPANY' for update",
        transaction.tenant_id,
        organisation_id,
    )
    if row is None or not scope.covering(row["region_path"]):
        raise not_found("机构", "organisationId")
    return row


async def _refuse_same_code(transaction: Transaction, code: str, owner: UUID | None) -> None:
    name = await transaction.connection.fetchval(
        "select o.name from property_companies p join organisations o"
        " on o.tenant_id = p.tenant_id and o.id = p.organisation_id"
        " where p.tenant_id = $1 and p.credit_code = $2 and p.id is distinct from $3",
        transaction.tenant_id,
        code,
        owner,
    )
    if name is not None:
        raise Refusal(CONFLICT, f"该统一社会信用代码已登记为「{name}」。", ("creditCode",))


async def _at_work(transaction: Transaction, scope: Scope, company: Any, day: dt.date) -> bool:
    if scope.covering(company["region_path"]):
        return True
    rows = await transaction.connection.fetch(
        f"{_CONTRACT} and t.company_id = $2 and t.starts_on <= $3"
        " and (t.ends_on is null or t.ends_on >= $3)",
        transaction.tenant_id,
        company["id"],
        day,
    )
    return any(scope.covering(row["region_path"]) for row in rows)


async def _refuse_overlap(
    transaction: Transaction, compound_id: UUID, starts_on: dt.date, ends_on: dt.date | None
) -> None:
    other = await transaction.connection.fetchrow(
        f"{_CONTRACT} and t.compound_id = $2"
        " and daterange(t.starts_on, t.ends_on, '[]') && daterange($3, $4, '[]')"
        " order by t.starts_on limit 1",
        transaction.tenant_id,
        compound_id,
        starts_on,
        ends_on,
    )
    if other is not None:
        raise Refusal(
            CONFLICT,
            f"该小区{span(other['starts_on'], other['ends_on'])}已由「{other['company']}」服务,"
            "同一时期只能有一家物业公司;请先终止该合同或更改日期。",
            ("startsOn",),
        )


async def _served_after(transaction: Transaction, compound_id: UUID, day: dt.date) -> bool:
    """Whether a contract covers the day after `day`."""
    served: bool = await transaction.connection.fetchval(
        "select exists (select 1 from property_contracts where tenant_id = $1"
        " and compound_id = $2 and daterange(starts_on, ends_on, '[]') @> $3::date)",
        transaction.tenant_id,
        compound_id,
        day + dt.timedelta(days=1),
    )
    return served


async def _without_company(
    transaction: Transaction, compound_id: UUID, day: dt.date
) -> ManagementMode:
    in_office = await transaction.connection.fetchval(
        "select exists (select 1 from owners_committees where tenant_id = $1"
        " and compound_id = $2 and daterange(term_from, term_to, '[]') @> $3::date)",
        transaction.tenant_id,
        compound_id,
        day,
    )
    return ManagementMode.SELF_MANAGED if in_office else ManagementMode.COMMUNITY_FALLBACK


async def _manage(transaction: Transaction, compound_id: UUID, mode: ManagementMode) -> None:
    await transaction.connection.execute(
        "update compounds set management_mode = $3, version = version + 1"
        " where tenant_id = $1 and id = $2 and management_mode <> $3",
        transaction.tenant_id,
        compound_id,
        mode,
    )
