"""Whistles and escalations as rows, in a file for each noun."""

from guanjia.whistles.models.whistles import SignIn, Whistle, WhistleCall

__all__ = ["SignIn", "Whistle", "WhistleCall"]
