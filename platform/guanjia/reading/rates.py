"""Rates with what they rest on: percentages in hundredths, and Wilson's lower bound of them.

A rate of a few answers says little: the lower end of its 95 % interval says how little. 300 of 300
is 98.74 %, 5 of 5 is 56.55 %. The SQL is the Python, to the last digit; a test holds them equal.
"""

from __future__ import annotations

import math

Z = 1.96
"""Of the two-sided 95 % interval."""


def wilson_lower_bound(numerator: int, denominator: int) -> int:
    """In hundredths of a percent, rounded half up."""
    n, rate = denominator, numerator / denominator
    middle = rate + Z * Z / (2 * n)
    spread = Z * math.sqrt(rate * (1 - rate) / n + Z * Z / (4 * n * n))
    return int(max(0.0, (middle - spread) / (1 + Z * Z / n)) * 10_000 + 0.5)


def rate_sql(numerator: str, denominator: str) -> str:
    """SQL: the rate in percent with two decimals, rounded half up; null of nothing."""
    return (
        f"trim_scale(((20000 * ({numerator})::bigint + ({denominator}))"
        f" / nullif(2 * ({denominator})::bigint, 0))::numeric / 100)"
    )


def wilson_sql(numerator: str, denominator: str) -> str:
    """SQL: Wilson's lower bound in percent with two decimals; null of nothing."""
    n = f"nullif({denominator}, 0)::float8"
    p, z2 = f"(({numerator})::float8 / {n})", f"({Z}::float8 * {Z}::float8)"
    # greatest(0, null) is 0: nothing has no bound.
    return (
        f"case when ({denominator}) > 0 then trim_scale((floor(greatest(0::float8, ({p} + {z2}"
        f" / (2 * {n}) - {Z}::float8 * sqrt({p} * (1 - {p}) / {n} + {z2} / (4 * {n} * {n})))"
        f" / (1 + {z2} / {n})) * 10000 + 0.5)::bigint)::numeric / 100) end"
    )
