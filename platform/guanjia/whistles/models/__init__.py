"""Whistles and escalations as rows, in a file for each noun."""

from guanjia.whistles.models.escalations import CaseClock, Escalation, JointTask
from guanjia.whistles.models.whistles import SignIn, Whistle, WhistleCall

__all__ = ["CaseClock", "Escalation", "JointTask", "SignIn", "Whistle", "WhistleCall"]
