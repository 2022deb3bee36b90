"""The append-only, hash-chained record of writes, denials and sensitive reads."""
