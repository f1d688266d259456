"""Routes for the catalogue, and for subscribers with what they have and their evidence."""
