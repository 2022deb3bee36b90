"""Cases in the API."""

from guanjia.cases import dependents as dependents  # makes itself known to tenancy
from guanjia.cases.schema.mutations import Mutation
from guanjia.cases.schema.queries import Query
from guanjia.cases.schema.subscriptions import Subscription

__all__ = ["Mutation", "Query", "Subscription"]
