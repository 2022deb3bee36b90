"""案件: property-governance cases, from report to archive."""
