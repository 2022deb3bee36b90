"""满意度调查: one household, one answer. The one mechanism by which homes are asked."""
