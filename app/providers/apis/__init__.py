"""Carriers with an HTTP interface of their own: one file for each kind, and what several of them share."""
