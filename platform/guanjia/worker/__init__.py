"""The process that does the jobs of all tenants, by NOTIFY and by the clock."""
