"""The stages of a message: which functions of the gateway belong to each. The one place to change with the engine.

A function that calls another one of the table is counted without it. What no stage explains is printed as the rest:
the event loop, threads handing over to each other, and what SQLAlchemy does around a transaction.
"""

from collections.abc import Mapping, Sequence

STAGES: Mapping[str, Sequence[str]] = {
    "HTTP": (
        "app.web.protocol.Protocol.data_received",
        "uvicorn.protocols.http.httptools_impl.RequestResponseCycle.run_asgi",
    ),
    "webhook": ("app.web.webhooks.Webhooks.__call__",),
    "intake": ("app.services.intake.Intake._store_all", "app.services.intake.Intake._store"),
    "turns": (
        "app.services.turns.handling.Turns.handle_waiting",
        "app.services.turns.loading.AccountLoader.load",
        "app.services.turns.unit_of_work.UnitOfWork.add",
        "app.services.turns.unit_of_work.UnitOfWork.write",
    ),
    "commands": ("app.commands.router.Router.handle",),
    "delivery": (
        "app.services.delivery.sending.Delivery.step",
        "app.services.simulator.delivery.HandsetDelivery.send_within",
        "app.services.delivery.claims.Claims.record_and_claim",
        "app.services.delivery.dispatch.Dispatch._work",
    ),
    "carrier": (
        "app.services.simulator.network.SimulatedNetwork.take",
        "app.providers.generic.GenericProvider.send",
    ),
    "reports": (
        "app.services.simulator.network.SimulatedNetwork.report",
        "app.services.delivery.receipts.Receipts.apply",
    ),
}
STATEMENTS, COMMIT, GARBAGE = "SQL statements", "SQL commit", "garbage collection"
"""Timed where the driver of the database and the garbage collector are called."""

HANDSET = "app.services.simulator.delivery.HandsetDelivery.note"
"""Called after the commit with what the simulated handsets got."""
