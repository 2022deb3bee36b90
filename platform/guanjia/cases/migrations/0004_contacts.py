"""Contacts, sealed. What lies in clear in `cases` is moved by `guanjia key seal`, which has the
key; the columns go when no database holds any of it."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, Sql, TenantTable


class Migration(BaseMigration):
    dependencies = [("cases", "0003_own_events"), ("people", "0001_initial")]
    operations = [
        TenantTable(
            "case_contacts",
            [
                "name_cipher bytea",
                "name_mask text",
                "phone_cipher bytea",
                "phone_mask text",
                "sealed_key bytea not null",
                "key_version integer not null",
            ],
            references=[Reference("id", "cases")],
            indexes=["key_version"],
            checks=[
                "(name_cipher is null) = (name_mask is null)",
                "(phone_cipher is null) = (phone_mask is null)",
                "name_cipher is not null or phone_cipher is not null",
            ],
        ),
        Sql(
            "create index cases_plain_contacts on cases (tenant_id, id)"
            " where contact_name is not null or contact_phone is not null",
            "drop index cases_plain_contacts",
        ),
    ]
