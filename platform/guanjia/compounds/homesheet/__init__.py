"""Homes and their residents as a list: what a clerk keeps in Excel, in and out."""
