"""The use-cases of meetings: one function each, named like its mutation."""
