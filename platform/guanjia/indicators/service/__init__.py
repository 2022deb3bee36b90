"""Periods, counting, and what a figure says."""
