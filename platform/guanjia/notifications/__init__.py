"""Notices to members: kinds, each member's inbox, what is told them outside of it."""
