"""Whistles in the API: types and queries in a file for each noun, put together here."""

from strawberry.tools import merge_types

from guanjia.whistles import dependents as dependents  # makes itself known to tenancy
from guanjia.whistles import following as following  # makes itself known to cases
from guanjia.whistles import metrics as metrics  # makes the figures of response known
from guanjia.whistles.schema import escalationmutations, escalations, mutations, whistles

Query = merge_types("Query", (whistles.Query, escalations.Query))
Mutation = merge_types("Mutation", (mutations.Mutation, escalationmutations.Mutation))

__all__ = ["Mutation", "Query"]
