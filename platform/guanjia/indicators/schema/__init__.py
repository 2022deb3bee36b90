"""Indicators in the API."""

from strawberry.tools import merge_types

import guanjia.cases.metrics  # noqa: F401  # makes the figures of cases known
from guanjia.indicators import boardexport as boardexport  # offers the workbook
from guanjia.indicators.schema import figures, weights

Query = merge_types("Query", (figures.Query, weights.Query))
Mutation = weights.Mutation

__all__ = ["Mutation", "Query"]
