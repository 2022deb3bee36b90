"""Compounds in the API: types and queries in a file for each noun, put together here."""

from strawberry.tools import merge_types

from guanjia.compounds import dependents as dependents  # makes itself known to tenancy
from guanjia.compounds import partydependents as partydependents  # the same
from guanjia.compounds.schema import (
    bindings,
    butlers,
    changes,
    committees,
    companies,
    estates,
    households,
    listmutations,
    lists,
    partyorganisations,
)

Query = merge_types(
    "Query",
    (
        estates.Query,
        bindings.Query,
        lists.Query,
        companies.Query,
        committees.Query,
        partyorganisations.Query,
        butlers.Query,
    ),
)
Mutation = merge_types(
    "Mutation",
    (
        changes.Mutation,
        households.Mutation,
        bindings.Mutation,
        listmutations.Mutation,
        companies.Mutation,
        committees.Mutation,
        partyorganisations.Mutation,
        butlers.Mutation,
    ),
)

__all__ = ["Mutation", "Query"]
