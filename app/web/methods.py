"""Which methods a path takes: what a 405 must say in ``Allow``, of all routes that there are for the path."""

from fastapi import FastAPI
from starlette.routing import Match
from starlette.types import Scope

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


def allowed_methods(app: FastAPI, scope: Scope) -> str:
    """The methods that a route takes for the path of a request."""
    asked = ((method, {**scope, "method": method}) for method in _METHODS)
    routes = app.router.routes
    return ", ".join(method for method, one in asked if any(route.matches(one)[0] is Match.FULL for route in routes))
