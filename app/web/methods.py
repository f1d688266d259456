"""The ``Allow`` header of a 405: the methods of all routes for a path, not only of the first that matches."""

from fastapi import FastAPI
from starlette.routing import Match
from starlette.types import Scope

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


def allowed_methods(app: FastAPI, scope: Scope) -> str:
    """Return the methods that the request's path accepts, separated by commas."""
    asked = ((method, {**scope, "method": method}) for method in _METHODS)
    routes = app.router.routes
    return ", ".join(method for method, one in asked if any(route.matches(one)[0] is Match.FULL for route in routes))
