"""Persons in the API. The module also seals for those below it."""

from guanjia.db import seals
from guanjia.people import dependents as dependents  # makes itself known to tenancy
from guanjia.people.schema.mutations import Mutation
from guanjia.people.schema.queries import Query
from guanjia.people.sealing import sealing

__all__ = ["Mutation", "Query"]

seals.provide(sealing)
