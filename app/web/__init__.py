"""The HTTP layer: routes, webhooks, pages and middleware on top of the services."""
