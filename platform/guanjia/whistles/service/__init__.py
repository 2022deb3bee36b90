"""The use-cases of whistles and escalations."""
