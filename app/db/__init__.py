"""Storage in SQLAlchemy: the tables, the one place that commits, and a repository module for each aggregate."""
