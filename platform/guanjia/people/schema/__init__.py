"""Persons in the API."""

from guanjia.people import dependents as dependents  # makes itself known to tenancy
from guanjia.people import sealing as sealing  # makes itself known to those below
from guanjia.people.schema.mutations import Mutation
from guanjia.people.schema.queries import Query

__all__ = ["Mutation", "Query"]
