"""The use-cases of compounds: one function each, named like its mutation."""
