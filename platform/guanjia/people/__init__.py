"""Persons and their protected fields: encrypted, masked by default, found by a blind index."""
