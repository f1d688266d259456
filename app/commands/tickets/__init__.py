"""Tickets: complaints and disputes, their deadlines, what staff decide."""
