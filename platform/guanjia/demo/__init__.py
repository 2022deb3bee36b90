"""The demonstration: people of two districts and the article's three cases, by real operations."""
