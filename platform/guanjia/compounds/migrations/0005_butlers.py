"""Who was appointed to the seats of butlers."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.compounds.models.butlers import SubstituteKind
from guanjia.compounds.models.seats import APPOINTED, SINGLE
from guanjia.db.tables import Reference, TenantTable, one_of

_SINGLE = ", ".join(f"'{seat}'" for seat in SINGLE)


class Migration(BaseMigration):
    dependencies = [("compounds", "0004_lists")]
    operations = [
        TenantTable(
            "seat_tenures",
            [
                "compound_id uuid not null",
                "seat text not null",
                "person_id uuid not null",
                "party_organisation_id uuid",
                "committee_id uuid",
                "substitute text",
                "reason text",
                "valid_from date not null",
                "valid_to date",
                # A value where there is none, so that rows in force are compared like any others.
                "ends date not null generated always as (coalesce(valid_to, 'infinity')) stored",
                "version integer not null default 1",
            ],
            references=[
                Reference("compound_id", "compounds"),
                Reference("person_id", "persons"),
                Reference("party_organisation_id", "party_organisations"),
                Reference("committee_id", "owners_committees"),
            ],
            indexes=["compound_id, seat, valid_from, id", "person_id"],
            checks=[
                one_of("seat", APPOINTED),
                one_of("substitute", tuple(SubstituteKind), nullable=True),
                "num_nonnulls(party_organisation_id, committee_id) <= 1",
                "num_nonnulls(party_organisation_id, committee_id, substitute) >= 1",
                "(substitute is null) = (reason is null)",
                f"substitute is null or seat in ({_SINGLE})",
                "valid_to is null or valid_to >= valid_from",
            ],
            exclusions=[
                "compound_id with =, seat with =, daterange(valid_from, valid_to) with &&"
                f" where seat in ({_SINGLE})"
            ],
        ),
    ]
