"""Meetings in the API: types and queries in a file for each noun, put together here."""

from strawberry.tools import merge_types

from guanjia.meetings import dependents as dependents  # makes itself known to tenancy
from guanjia.meetings import following as following  # makes itself known to cases
from guanjia.meetings.schema import ballots, displays, feeds, kinds, meetings, mutations, votes
from guanjia.meetings.schema import relations as relations  # adds to the types below

Query = merge_types(
    "Query", (kinds.Query, meetings.Query, displays.Query, votes.Query, ballots.Query)
)
Mutation = merge_types(
    "Mutation", (kinds.Mutation, mutations.Mutation, votes.Mutation, feeds.Mutation)
)

__all__ = ["Mutation", "Query"]
