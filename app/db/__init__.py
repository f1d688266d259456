"""SQLAlchemy only: tables, the one place that commits, and one repository module for each aggregate."""
