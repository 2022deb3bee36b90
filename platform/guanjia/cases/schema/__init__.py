"""Cases in the API."""

from strawberry.tools import merge_types

from guanjia.cases import dependents as dependents  # makes itself known to tenancy
from guanjia.cases.routingsheet import kind as kind  # makes itself known to imports
from guanjia.cases.schema import (
    contacts,
    corrections,
    mutations,
    queries,
    rehearsal,
    routing,
    settings,
    tasks,
)
from guanjia.cases.schema import relations as relations  # adds to the types below
from guanjia.cases.schema.subscriptions import Subscription

Query = merge_types(
    "Query", (queries.Query, settings.Query, routing.Query, rehearsal.Query, tasks.Query)
)
Mutation = merge_types(
    "Mutation",
    (
        mutations.Mutation,
        contacts.Mutation,
        corrections.Mutation,
        settings.Mutation,
        routing.Mutation,
        tasks.Mutation,
    ),
)

__all__ = ["Mutation", "Query", "Subscription"]
