"""Tenants, their regions and organisations, and how a tenant comes on board."""
