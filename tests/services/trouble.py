"""Commands that fail, for the tests of error handling."""

from types import ModuleType

from app.commands.collecting import collect
from app.commands.registry import Registry, command, timer
from app.domain.catalogue import Billing, CancelEffect
from app.domain.messages import MessageClass, Reply
from app.domain.subscriptions import Channel, Subscription, SubscriptionState, Terms
from app.domain.turn import Outcome, TimerSet, Turn

SECRET_TEXT = "BOOM 13712345678 PRIVATE"


class Fuse:
    """A switch: the commands fail while ``burns`` is True."""

    burns = True


def _module(fuse: Fuse) -> ModuleType:
    module = ModuleType(f"trouble_{id(fuse)}")

    @command("BOOM13712345678PRIVATE", reads=(), kept=True)
    def boom(turn: Turn, _argument: str) -> Outcome:
        if fuse.burns:
            raise RuntimeError(f"cannot read {turn.account.msisdn}: {turn.stimulus}")
        return Outcome(verdict="went well")

    @command("SPOIL", reads=(), kept=True)
    def spoil(turn: Turn, _argument: str) -> Outcome:
        return held_twice(turn) if fuse.burns else Outcome(verdict="went well")

    @command("CLUTTER", reads=(), kept=True)
    def clutter(turn: Turn, _argument: str) -> Outcome:
        """Ask a question under a malformed id, which PostgreSQL rejects."""
        reply = Reply(("PRIVATE WORDS",), "", MessageClass.REPLY, question_id="this is no id")
        return Outcome(replies=(reply,) if fuse.burns else ())

    @command("LATER", reads=())
    def later(turn: Turn, _argument: str) -> Outcome:
        return Outcome(timers=(TimerSet("burning", turn.account.msisdn, turn.now),))

    @timer("burning", reads=())
    def burning(turn: Turn) -> Outcome:
        if fuse.burns:
            raise RuntimeError(turn.account.msisdn)
        return Outcome(verdict="went well")

    for function in (boom, spoil, clutter, later, burning):
        function.__module__ = module.__name__
        setattr(module, function.__name__, function)
    return module


def held_twice(turn: Turn) -> Outcome:
    """Subscribe twice to one service, which both databases reject."""
    return Outcome(subscriptions=(_held(turn), _held(turn)), verdict="went well")


def _held(turn: Turn) -> Subscription:
    terms = Terms(500, Billing.MONTHLY, "CMCC", CancelEffect.IMMEDIATE)
    return Subscription(next(turn.ids), "CL", SubscriptionState.ACTIVE, False, turn.at, Channel.SMS, terms)  # noqa: FBT003  not in the plan


def add_trouble(registry: Registry) -> Fuse:
    """Register BOOM, SPOIL, CLUTTER and LATER, which fail while the returned switch is on."""
    fuse = Fuse()
    added = collect([_module(fuse)], {})
    registry.keywords.update(added.keywords)
    registry.timers.update(added.timers)
    return fuse
