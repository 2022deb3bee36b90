"""The routing table of a district as a list: handed in, held against what stands, applied."""
