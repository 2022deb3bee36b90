"""Who looks after a compound: property companies, owners' committees, party organisations."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.compounds.models.committees import CommitteePost
from guanjia.compounds.models.partyorganisations import PartyKind, PartyPostKind
from guanjia.db.tables import Reference, TenantTable, one_of

VERSION = "version integer not null default 1"

TENURE = ("person_id uuid not null", "valid_from date not null", "valid_to date", VERSION)
IN_ORDER = "valid_to is null or valid_to >= valid_from"


class Migration(BaseMigration):
    dependencies = [("compounds", "0002_households"), ("people", "0001_initial")]
    operations = [
        TenantTable(
            "property_companies",
            [
                "organisation_id uuid not null",
                "credit_code text not null",
                "qualification text",
                "service_phone text",
                "party_members integer not null",
                VERSION,
            ],
            references=[Reference("organisation_id", "organisations")],
            unique=["organisation_id", "credit_code"],
            checks=["char_length(credit_code) = 18", "party_members >= 0"],
        ),
        TenantTable(
            "property_contracts",
            [
                "compound_id uuid not null",
                "company_id uuid not null",
                "starts_on date not null",
                "ends_on date",
                "end_reason text",
                VERSION,
            ],
            references=[
                Reference("compound_id", "compounds"),
                Reference("company_id", "property_companies"),
            ],
            indexes=["compound_id, starts_on, id", "company_id, starts_on, id", "starts_on, id"],
            checks=["ends_on is null or ends_on >= starts_on"],
            # 物业管理条例 art. 33: one property management area, one company.
            exclusions=["compound_id with =, daterange(starts_on, ends_on, '[]') with &&"],
        ),
        TenantTable(
            "owners_committees",
            [
                "compound_id uuid not null",
                "elected_on date not null",
                "term_from date not null",
                "term_to date not null",
                "file_by date not null",
                "filed_on date",
                "filing_number text",
                VERSION,
            ],
            references=[Reference("compound_id", "compounds")],
            indexes=[
                "compound_id, term_from, id",
                "term_from, id",
                "file_by where filed_on is null",
            ],
            checks=[
                "term_to >= term_from",
                "filed_on >= elected_on",
                "(filed_on is null) = (filing_number is null)",
            ],
            exclusions=["compound_id with =, daterange(term_from, term_to, '[]') with &&"],
        ),
        TenantTable(
            "committee_members",
            ["committee_id uuid not null", "post text not null", *TENURE],
            references=[
                Reference("committee_id", "owners_committees"),
                Reference("person_id", "persons"),
            ],
            indexes=["committee_id, valid_from, id", "person_id"],
            checks=[one_of("post", tuple(CommitteePost)), IN_ORDER],
        ),
        TenantTable(
            "party_organisations",
            [
                "kind text not null",
                "name text not null",
                "region_id uuid not null",
                "parent_id uuid",
                "company_id uuid",
                "compound_id uuid",
                "full_members integer not null",
                "probationary_members integer not null",
                "established_on date not null",
                "dissolved_on date",
                VERSION,
            ],
            references=[
                Reference("region_id", "regions"),
                Reference("parent_id", "party_organisations"),
                Reference("company_id", "property_companies"),
                Reference("compound_id", "compounds"),
            ],
            indexes=["name, id", "region_id, name", "parent_id", "company_id", "compound_id"],
            checks=[
                one_of("kind", tuple(PartyKind)),
                "full_members >= 0",
                "probationary_members >= 0",
                "parent_id is null or parent_id <> id",
                "dissolved_on is null or dissolved_on >= established_on",
            ],
        ),
        TenantTable(
            "party_posts",
            ["party_organisation_id uuid not null", "post text not null", *TENURE],
            references=[
                Reference("party_organisation_id", "party_organisations"),
                Reference("person_id", "persons"),
            ],
            indexes=["party_organisation_id, valid_from, id", "person_id"],
            checks=[one_of("post", tuple(PartyPostKind)), IN_ORDER],
        ),
    ]
