"""What of compounds belongs to a person: it follows when persons are merged or erased."""

from guanjia.people.references import PersonReference, refers

refers(
    PersonReference("household_members", same=("household_id", "until"), erased=True),
    PersonReference("house_bindings", same=("house_unit_id", "until"), erased=True),
    PersonReference("vote_holdings", erased=True),
)
