"""Keys, persons, their documents and phones, merges, counted looks, retention."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, TenantTable, one_of
from guanjia.people.ciphers import Suite
from guanjia.people.identity import DocumentKind, PhoneKind, Sex

PERSON = Reference("person_id", "persons")
READ = {"app_ro": "select", "auditor": "select"}


class Migration(BaseMigration):
    dependencies = [("access", "0001_initial")]
    operations = [
        TenantTable(
            "data_keys",
            [
                "purpose text not null",
                "version integer not null",
                "suite text not null",
                "wrapped bytea not null",
                "wrapped_by text not null",
                "created_at timestamptz not null default now()",
            ],
            unique=["purpose, version"],
            checks=[
                one_of("purpose", ("DATA", "INDEX")),
                one_of("suite", tuple(Suite)),
                "version > 0",
            ],
            # The auditor reads everything else; keys are of no use to an audit.
            grants={
                "app_rw": "select, insert, update (wrapped, wrapped_by), delete",
                "app_ro": "select",
                "auditor": "select (tenant_id, id, purpose, version, suite, created_at)",
            },
        ),
        TenantTable(
            "persons",
            [
                "name text not null",
                "name_mask text not null",
                "search_text text not null",
                "sex text not null",
                "birth_year integer",
                "birth_cipher bytea",
                "region_id uuid not null",
                'region_path text collate "C" not null',
                'street_path text collate "C" generated always as (left(region_path, 10)) stored',
                'community_path text collate "C"'
                " generated always as (left(region_path, 15)) stored",
                "address_cipher bytea",
                "address_mask text",
                "membership_id uuid",
                "warnings text[] not null default '{}'",
                "sealed_key bytea",
                "key_version integer",
                "merged_into_id uuid",
                "erased_at timestamptz",
                "created_at timestamptz not null",
                "created_by uuid not null",
                "version integer not null default 1",
            ],
            references=[
                Reference("region_id", "regions"),
                Reference("membership_id", "memberships"),
                Reference("created_by", "memberships"),
                Reference("merged_into_id", "persons"),
            ],
            unique=["membership_id where membership_id is not null"],
            indexes=[
                "created_at, id",
                "street_path, created_at, id",
                "community_path, created_at, id",
                "region_path, created_at, id",
                "search_text, birth_year",
                "key_version where key_version is not null",
                "merged_into_id where merged_into_id is not null",
            ],
            checks=[
                one_of("sex", tuple(Sex)),
                "char_length(name) between 1 and 50",
                "(sealed_key is null) = (key_version is null)",
                "(sealed_key is null) = (erased_at is not null)",
                "merged_into_id is null or merged_into_id <> id",
                "erased_at is null or (birth_cipher is null and address_cipher is null)",
            ],
        ),
        TenantTable(
            "person_documents",
            [
                "person_id uuid not null",
                "kind text not null",
                "cipher bytea not null",
                "legacy_cipher bytea",
                "mask text not null",
                "blind_index bytea not null",
                "recorded_at timestamptz not null",
            ],
            references=[PERSON],
            unique=["kind, blind_index"],
            indexes=["person_id, recorded_at, id"],
            checks=[one_of("kind", tuple(DocumentKind))],
        ),
        TenantTable(
            "person_phones",
            [
                "person_id uuid not null",
                "kind text not null",
                "position integer not null",
                "cipher bytea not null",
                "mask text not null",
                "blind_index bytea not null",
                "recorded_at timestamptz not null",
            ],
            references=[PERSON],
            unique=["person_id, blind_index"],
            indexes=["person_id, position, id", "blind_index, person_id"],
            checks=[one_of("kind", tuple(PhoneKind))],
        ),
        TenantTable(
            "person_grams",
            ["gram text not null", "person_id uuid not null"],
            primary_key=("gram", "person_id"),
            references=[PERSON],
            indexes=["person_id"],
            checks=["char_length(gram) = 2"],
        ),
        TenantTable(
            "person_merges",
            [
                "kept_id uuid not null",
                "merged_id uuid not null",
                "reason text not null",
                "merged_by uuid not null",
                "merged_at timestamptz not null",
                "moved jsonb not null",
            ],
            references=[
                Reference("kept_id", "persons"),
                Reference("merged_id", "persons"),
                Reference("merged_by", "memberships"),
            ],
            unique=["merged_id"],
            indexes=["kept_id, merged_at"],
            grants={"app_rw": "select, insert", **READ},
        ),
        TenantTable(
            "person_looks",
            [
                "membership_id uuid not null",
                "minute timestamptz not null",
                "looks integer not null",
            ],
            primary_key=("membership_id", "minute"),
            references=[Reference("membership_id", "memberships")],
            checks=["looks > 0"],
        ),
        TenantTable(
            "retention_rules",
            [
                "code text not null",
                "title text not null",
                "counted_from text not null",
                "months integer",
                "days integer",
                "valid_from date not null",
                "valid_to date",
                "source text not null",
            ],
            unique=["code, valid_from"],
            checks=[
                "months is null or days is null",
                "valid_to is null or valid_to > valid_from",
            ],
        ),
    ]
