"""Tenants with many cases that are due, made by one that went the whole way."""

from __future__ import annotations

from tests.cases.conftest import town as town  # a fixture
