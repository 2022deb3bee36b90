"""The clients and towns of the API tests."""

from tests.api.conftest import api, make_town, town

__all__ = ["api", "make_town", "town"]
