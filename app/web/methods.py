"""The ``Allow`` header of a 405: the methods of all routes for a path, not only of the first that matches."""

from fastapi import FastAPI
from starlette.routing import Match, Mount
from starlette.types import Scope

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


def allowed_methods(app: FastAPI, scope: Scope) -> str:
    """Return the methods that the request's path accepts, separated by commas."""
    routes = app.router.routes
    # A mount has taken its part of the path off.
    whole = {"root_path": scope.get("app_root_path", "")}

    def has(method: str) -> bool:
        # Middleware answers HEAD wherever there is GET.
        asked = {**scope, **whole, "method": "GET" if method == "HEAD" else method}
        return any(
            route.matches(asked)[0] is Match.FULL
            # A mount, such as that of files, leaves methods to what is mounted.
            and (asked["method"] == "GET" or not isinstance(route, Mount))
            for route in routes
        )

    return ", ".join(filter(has, _METHODS))
