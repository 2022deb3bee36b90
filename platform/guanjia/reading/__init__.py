"""The compiled read path: a validated document becomes one SQL statement that returns JSON."""
