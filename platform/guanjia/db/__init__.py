"""The wall: connections by role, tenant transactions, tenant tables, scopes."""
