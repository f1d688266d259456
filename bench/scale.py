"""How much each scenario does: usually, in a full run of hours, and in smoke runs that only show that all works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Sizes of the scenarios. A share is what is measured at a time, between two turns of the empty endpoint."""

    turns: int = 5
    """Pairs of a share and one of the empty endpoint; every figure is the median of as many."""
    turns_seconds: float = 45.0
    """No further turn begins after this time, so that a slow scenario has fewer turns, but at least one."""
    empty_requests: int = 4_000
    """Requests in a share of the empty endpoint."""
    connections: int = 64
    """Connections with one request in flight each, for single messages and the empty endpoint."""
    array_connections: int = 8
    """The same for arrays of 100 messages."""

    customers: int = 2_000
    services: int = 5
    """Services that each customer has, all shown in the reply to `0000`."""
    warm_up: int = 2_000
    """Messages before the first share."""
    single_messages: int = 2_500
    array_messages: int = 5_000
    postgresql_customers: int = 1_000
    postgresql_messages: int = 1_500

    rates: tuple[int, ...] = (100, 300, 1_000)
    """Messages a second of the open loop."""
    open_loop_seconds: float = 3.0
    idle_messages: int = 12
    idle_seconds: float = 2.0
    """Seconds without any message, for what the gateway uses by itself."""

    resting_seconds: float = 20.0
    """The same for a gateway of several processes, of which each looks about once a second."""

    import_lines: int = 3_000
    memory_customers: int = 50_000
    memory_services: int = 1
    """Services that each of them has; with five the import alone takes minutes."""
    memory_messages: int = 100_000
    advance_hours: int = 71
    year_days: int = 365

    # ---- of a full run

    few_customers: int = 2_000
    many_customers: int = 1_000_000
    few_services: int = 5
    many_services: int = 50
    backlog_customers: int = 12_000
    backlog_messages: int = 300_000
    """Replies that wait while the network fails."""
    volume_customers: int = 20_000
    volume_messages: int = 500_000
    probe_messages: int = 10_000
    """Messages that show which rate the machine reaches, before the day begins."""
    peak_share: float = 0.5
    """The rate of the day's highest hour, as a share of the one that the machine reached."""
    hour_seconds: float = 150.0
    """Seconds that an hour of the day takes: 150 make a day an hour."""
    kannel_messages: int = 3_000


USUAL = Scale()
FULL = Scale(turns_seconds=600.0)
SMOKE = Scale(
    turns=2,
    turns_seconds=10.0,
    empty_requests=200,
    customers=40,
    warm_up=100,
    single_messages=100,
    array_messages=200,
    postgresql_customers=20,
    postgresql_messages=50,
    rates=(100,),
    open_loop_seconds=0.5,
    idle_messages=3,
    idle_seconds=0.3,
    resting_seconds=0.5,
    import_lines=60,
    memory_customers=100,
    memory_messages=1_000,
    advance_hours=2,
    year_days=7,
    few_customers=40,
    many_customers=400,
    backlog_customers=40,
    backlog_messages=1_000,
    volume_customers=40,
    volume_messages=1_000,
    probe_messages=200,
    hour_seconds=0.5,
    kannel_messages=200,
)
