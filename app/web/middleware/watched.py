"""Requests in the log and in the metrics: each line about a request has its id, each answer is counted by its route."""

from functools import cache

from prometheus_client import Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import observability

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_WEBHOOKS = frozenset({"inbound", "status"})
# The route of what has none, as its path is not known.
_NO_ROUTE = "none"


class Watched:
    """Names each request in the lines of the log about it, and counts its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        request = observability.REQUEST.set(scope)
        try:
            await self._app(scope, receive, noted)
        finally:
            observability.REQUEST.reset(request)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            _counter(method, route_of(scope), status).inc()


@cache  # of few routes, methods and statuses
def _counter(method: str, route: str, status: int) -> Counter:
    return observability.HTTP.labels(method, route, str(status))


def route_of(scope: Scope) -> str:
    """Return the path of a request's route, in which ids are names, as ``/api/v1/orders/{order_id}``."""
    path: str = scope["path"]
    if path.startswith("/webhooks/"):
        direction = path.rpartition("/")[2]
        return f"/webhooks/{{provider}}/{direction}" if direction in _WEBHOOKS else _NO_ROUTE
    route = getattr(scope.get("route"), "path", None)
    if not isinstance(route, str):
        return scope.get("root_path") or _NO_ROUTE  # what is mounted, such as static files
    # A route knows its path behind the prefix of its router.
    given, own = path.split("/"), route.split("/")
    return "/".join(given[: len(given) - len(own) + 1]) + route
