"""Tables that people hand in and take out: workbooks read, checked, compared, applied, undone."""
