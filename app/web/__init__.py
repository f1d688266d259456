"""FastAPI only: between HTTP and the services."""
