"""The use-cases of compounds: one function each, named like its mutation."""

from guanjia.compounds import references as references  # makes itself known to people
