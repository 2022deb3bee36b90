"""Who someone is, which roles they hold where, and what that lets them reach."""
