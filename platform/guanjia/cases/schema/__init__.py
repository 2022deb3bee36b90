"""Cases in the API."""

from strawberry.tools import merge_types

from guanjia.cases import dependents as dependents  # makes itself known to tenancy
from guanjia.cases.schema import corrections, mutations, queries, routing, settings
from guanjia.cases.schema.subscriptions import Subscription

Query = merge_types("Query", (queries.Query, settings.Query, routing.Query))
Mutation = merge_types(
    "Mutation",
    (mutations.Mutation, corrections.Mutation, settings.Mutation, routing.Mutation),
)

__all__ = ["Mutation", "Query", "Subscription"]
