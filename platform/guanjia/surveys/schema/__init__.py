"""Surveys in the API."""

from strawberry.tools import merge_types

from guanjia.surveys import answersexport as answersexport  # makes itself known to imports
from guanjia.surveys.schema import mutations, queries

Query = merge_types("Query", (queries.Query,))
Mutation = merge_types("Mutation", (mutations.Mutation,))

__all__ = ["Mutation", "Query"]
