"""What she has: listing it, picking from the list, ending it."""
