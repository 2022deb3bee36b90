"""The person and what belongs to one, as node types. Protected values are shown masked."""

import datetime as dt

import strawberry

from guanjia.graph.filters import IdFilter, RegionFilter, by, filters, flag, search
from guanjia.graph.nodes import (
    column,
    derived,
    many,
    node,
    one,
)
from guanjia.graph.protection import Protection
from guanjia.people import identity, models, service
from guanjia.reading.classes import DataClass
from guanjia.reading.mapping import by_age, sorted_by
from guanjia.tenancy.schema import Region, TextFilter

DocumentKind = strawberry.enum(
    identity.DocumentKind,
    name="DocumentKind",
    description="居民身份证、残疾人证、护照、港澳台居民居住证、港澳居民来往内地通行证、"
    "台湾居民来往大陆通行证、外国人永久居留身份证、出生医学证明、其他",
)
PhoneKind = strawberry.enum(identity.PhoneKind, name="PhoneKind", description="手机、固定电话")
Sex = strawberry.enum(identity.Sex, name="Sex", description="男、女、未说明")
DataWarning = strawberry.enum(
    identity.DataWarning, name="DataWarning", description=identity.DataWarning.__doc__
)

PersonField = strawberry.enum(
    service.PersonField, name="PersonField", description="证件、电话、住址、出生日期、残疾人证"
)
RevealPurpose = strawberry.enum(
    service.RevealPurpose, name="RevealPurpose", description=service.RevealPurpose.__doc__
)
ErasureReason = strawberry.enum(
    service.ErasureReason,
    name="ErasureReason",
    description=f"{service.ErasureReason.__doc__}(个人信息保护法第 47 条)",
)
DuplicateReason = strawberry.enum(
    service.DuplicateReason, name="DuplicateReason", description=service.DuplicateReason.__doc__
)

PERSONAL = "PERSON"
NAME = Protection(DataClass.S1, PERSONAL)
MASKED = Protection(DataClass.S2, PERSONAL)
IN_FORCE = "({row}.merged_into_id is null and {row}.erased_at is null)"
# Bands of ten years: the day of birth would complete the masked 公民身份号码.
AGE_BAND = (
    "case when {row}.birth_year is not null then (select a || '–' || a + 9 from (select"
    " (extract(year from now() at time zone 'Asia/Shanghai')::int - {row}.birth_year) / 10 * 10 a"
    ") b) end"
)


@node(models.PersonDocument, read="person:read", reach=models.PART_REACH)
class PersonDocument:
    """证件;号码已遮盖,完整号码见 revealPersonField"""

    id: strawberry.ID = column()
    kind: DocumentKind = column("证件类别")
    number: str = column("号码,已遮盖", name="mask", protection=MASKED)
    recorded_at: dt.datetime = column("登记时间")


@node(models.PersonPhone, read="person:read", reach=models.PART_REACH)
class PersonPhone:
    """电话;号码已遮盖,完整号码见 revealPersonField"""

    id: strawberry.ID = column()
    kind: PhoneKind = column("手机或固定电话")
    number: str = column("号码,已遮盖", name="mask", protection=MASKED)
    recorded_at: dt.datetime = column("登记时间")


@filters
class PersonFilter:
    """自然人筛选;各项须同时满足"""

    id: IdFilter = by("id")
    region: RegionFilter = by("region_id", path="region_path")
    in_force: bool = flag(IN_FORCE, description="未合并、未删除的")
    has_warnings: bool = flag(
        "{row}.warnings <> '{{}}'", "{row}.warnings = '{{}}'", "有数据质量提示的"
    )
    search: str = search(
        "{row}.search_text",
        "person_grams",
        "person_id",
        "姓名中的文字,2 到 50 个字;只找您可读姓名的人",
        requires="person:read_name",
    )


@node(
    models.Person,
    read="person:read",
    reach=models.PERSON_REACH,
    orders=by_age("created_at"),
    filters=PersonFilter,
)
class Person:
    """自然人:在一个租户内一人一行"""

    id: strawberry.ID = column()
    name: str = column(
        "姓名;须有 person:read_name,否则已遮盖",
        requires="person:read_name",
        otherwise="name_mask",
        protection=NAME,
    )
    sex: Sex = column("性别")
    age_band: str | None = derived(AGE_BAND, "年龄段,例如 60–69;出生日期不详时为空")
    address: str | None = column(
        "住址,遮盖到小区;完整住址见 revealPersonField", name="address_mask", protection=MASKED
    )
    warnings: list[DataWarning] = column("数据质量提示")
    created_at: dt.datetime = column("登记时间")
    erased_at: dt.datetime | None = column("删除时间;删除后只留此行")
    version: int = column("版本;更新时须带上")
    region: Region | None = one("Region", "region_id", "居住的网格或社区", through="person:read")
    merged_into: "Person | None" = one("Person", "merged_into_id", "合并入的另一行")
    documents: list[PersonDocument] = many(
        "PersonDocument",
        "person_id",
        (("recorded_at", "asc"), ("id", "asc")),
        "证件;残疾人证只经 revealPersonField 查看",
        through="person:read",
        where="{row}.kind <> 'DISABILITY_CARD'",
    )
    phones: list[PersonPhone] = many(
        "PersonPhone",
        "person_id",
        (("position", "asc"), ("id", "asc")),
        "电话,首个为常用",
        through="person:read",
    )


@strawberry.type(description="可能是同一人的两行")
class PersonDuplicate:
    first: Person
    second: Person
    reasons: list[DuplicateReason]


@filters
class RetentionRuleFilter:
    """保存期限筛选"""

    code: TextFilter = by("code")


@node(
    models.RetentionRule,
    read="retention:read",
    reach=models.RETENTION_REACH,
    orders=(sorted_by("CODE", "code"),),
    filters=RetentionRuleFilter,
)
class RetentionRule:
    """保存期限:某类数据自何时起保存多久"""

    id: strawberry.ID = column()
    code: str = column("代码;见各字段的 @dataClass(retention:)")
    title: str = column("数据")
    counted_from: str = column("起算")
    months: int | None = column("保存月数")
    days: int | None = column("保存日数;月、日皆空为不定期")
    valid_from: dt.date = column("规则生效日期")
    valid_to: dt.date | None = column("规则失效日期(不含)")
    source: str = column("依据")
