"""Which command or question a stimulus belongs to (flows.md 3)."""

from collections.abc import Sequence

from app.commands.arguments import KeywordMatch, is_known, means_something, with_arguments
from app.commands.codes import looks_like_code, questions_with_code
from app.commands.limits import (
    INCOMPLETE,
    NOT_UNDERSTOOD,
    answer_stranger,
    apply_reply_limits,
    former_customer_outcome,
    new_subscriber,
    outcome_over_rate,
)
from app.commands.open_questions import answerable_at, is_open, may_answer, recently_ended, remembered_questions
from app.commands.parser import Said
from app.commands.registry import Answer, Fit, Handler, QuestionKind, Reads, Registry, Takes
from app.commands.replies import asked_from, menu_lines, say
from app.domain.account import Account, Subscriber, SubscriberStatus
from app.domain.dialogue import ClosedAs, Question
from app.domain.service_numbers import Extension, ServiceNumbers
from app.domain.texts import answers
from app.domain.turn import Need, Outcome, Stimulus, TextReceived, TimerDue, Turn, apply, merge_outcomes
from app.domain.values import replace, value


@value
class _Route:
    """Where a text goes. ``kept``: it waits when there are too many messages, instead of being dropped."""

    outcome: Outcome
    kept: bool = False


_Given = tuple[Question, Answer]
_EXTENSION_DIGITS = 3


@value
class Router:
    """Finds what a stimulus means; the same input gives the same outcome."""

    registry: Registry

    def handle(self, turn: Turn) -> Outcome:
        """The outcome of one turn. A kind of stimulus that nobody takes is a LookupError."""
        if isinstance(turn.stimulus, TextReceived):
            return self._with_reactions(turn, self._handle_text(turn, turn.stimulus))
        handler = self._handler(turn.stimulus)
        if handler is None:
            raise LookupError(f"no command takes this {type(turn.stimulus).__name__}")
        return _to_a_customer(turn, self._with_reactions(turn, handler.run(turn)))

    def _with_reactions(self, turn: Turn, outcome: Outcome) -> Outcome:
        """Join what follows from a change of the subscriber (``@subscriber_changed``)."""
        after = outcome.subscriber
        if after is None or after.status is SubscriberStatus.CLOSED:
            return outcome
        reactions = self.registry.subscriber_changed.values()
        return merge_outcomes(outcome, *(react(turn, turn.account.customer, after) for react in reactions))

    def _handler(self, stimulus: Stimulus) -> Handler | None:
        if isinstance(stimulus, TimerDue):
            return self.registry.timers.get(stimulus.kind)
        return self.registry.calls.get(type(stimulus))

    def reads(self, stimulus: Stimulus, numbers: ServiceNumbers) -> Reads:
        """The kinds of records to load before this stimulus is handled; None: all of them.

        A keyword that reads little does so only where a text means nothing beside it: on the numbers of orders and
        fees it is an answer as well.
        """
        if not isinstance(stimulus, TextReceived):
            handler = self._handler(stimulus)
            return handler.reads if handler else ()
        if stimulus.missing or numbers.extension(stimulus.dialled) not in (Extension.COMMANDS, Extension.LISTING):
            return None
        exact = self.registry.exact(self.registry.reader.read(stimulus.text))
        return exact.reads if exact else None

    def needs(self, stimulus: Stimulus, account: Account, numbers: ServiceNumbers) -> tuple[Need, ...]:
        """What must be loaded beside the basic account before this stimulus is handled."""
        if not isinstance(stimulus, TextReceived) or numbers.extension(stimulus.dialled) == Extension.SPAM:
            return ()
        asking = [
            (question, needs)
            for question in account.questions.values()
            if (needs := self._kind(question).needs) and may_answer(stimulus, question)
        ]
        if not asking:
            return ()
        said = self.registry.reader.read(stimulus.text)
        return tuple(need for question, needs in asking for need in needs(question, said))

    def _handle_text(self, turn: Turn, received: TextReceived) -> Outcome:
        former = former_customer_outcome(turn)
        if former is not None:
            return former
        created: Subscriber | None = None
        if turn.account.customer is None and turn.policy.auto_create_subscribers:
            created = new_subscriber(turn)
            turn = replace(turn, account=apply(turn.account, Outcome(subscriber=created)))
        limits = turn.account.limits if received.kept else turn.account.limits.count_message(turn.at, turn.now)
        if turn.account.customer is None:
            return answer_stranger(turn, limits)
        dialled = turn.policy.numbers.extension(received.dialled)
        extension = Extension.COMMANDS if turn.provider.single_number else dialled
        said = self.registry.reader.read(received.text)
        route = (self._route_incomplete if received.missing else self._route)(turn, said, extension)
        outcome = route.outcome
        if limits.over_rate and not received.kept:
            outcome = outcome_over_rate(turn, limits, outcome, kept=route.kept)
        outcome = apply_reply_limits(turn, limits, outcome)
        if created is None:
            return outcome
        return replace(outcome, subscriber=outcome.subscriber or created)

    # ---- where a text goes

    def _route(self, turn: Turn, said: Said, extension: str) -> _Route:
        whole = self.registry.numbers.get(extension)
        taken = whole.run(turn, said) if whole else None
        if whole and taken:
            return _Route(taken, whole.kept)
        # 204 for each of the confirmation numbers 20400 to 20499.
        interceptor = self.registry.interceptors.get(extension[:_EXTENSION_DIGITS])
        first = interceptor(turn, said) if interceptor else None
        return self._obeyed_beside(turn, said, first) if first else self._understood(turn, said, extension)

    def _route_incomplete(self, turn: Turn, said: Said, extension: str) -> _Route:
        """A text of which parts never came: only who says so uses it, and it changes nothing else (delivery.md 6)."""
        uses = self.registry.incomplete
        whole = self.registry.numbers.get(extension)
        taken = whole.run(turn, said) if whole and whole.run in uses else None
        if whole and taken:
            return _Route(taken, whole.kept)
        exact = self.registry.exact(said)
        found = (exact, "") if exact else with_arguments(self.registry, said)
        if found is not None and found[0].run in uses:
            return _run(turn, found)
        pool = [item for item in answerable_at(remembered_questions(turn), extension, said) if is_open(turn, item)]
        given = self._readings(turn, [item for item in pool if self._kind(item).answer in uses], said)
        if given:
            return self._answered(turn, given, said)
        ours = Extension.COMMANDS if extension == Extension.FOREIGN else extension
        reply = say(turn, answers.INCOMPLETE.say(turn.account.language), extension=ours)
        return _Route(Outcome(replies=(reply,), verdict=INCOMPLETE))

    def _understood(self, turn: Turn, said: Said, extension: str) -> _Route:
        exact = self.registry.exact(said)
        if exact is not None:
            return _Route(exact.run(turn, ""), exact.kept)
        found = with_arguments(self.registry, said)
        if found is not None and (found[0].takes is not Takes.WORD or found[1] in turn.catalogue.by_keyword):
            return _run(turn, found)
        remembered = remembered_questions(turn)
        pool = answerable_at(remembered, extension, said)
        given = self._readings(turn, [question for question in pool if is_open(turn, question)], said)
        is_command = found is not None and means_something(turn, found)
        if not given or given[0][1].fit is not Fit.EXACT:
            given = self._by_code(turn, remembered, said) or given
        if given and not (is_command and given[0][1].fit is Fit.LAST):
            return self._answered(turn, given, said)
        if found is not None:
            # TD1 after its listing has run out is a late pick and not the service "1".
            return (None if is_known(turn, found) else self._late(turn, pool, said)) or _run(turn, found)
        return self._no_answer(turn, remembered, said, extension)

    def _obeyed_beside(self, turn: Turn, said: Said, first: Outcome) -> _Route:
        """A text that has done something already, and is obeyed where it is a keyword (safety.md 6, 14)."""
        turn = replace(turn, account=apply(turn.account, first))
        exact = self.registry.exact(said)
        if exact is not None:
            return _Route(merge_outcomes(first, exact.run(turn, "")), kept=True)
        found = with_arguments(self.registry, said)
        if found is not None and means_something(turn, found):
            return _Route(merge_outcomes(first, _run(turn, found).outcome), kept=True)
        given = self._by_code(turn, remembered_questions(turn), said)
        return _Route(merge_outcomes(first, self._answered(turn, given, said).outcome) if given else first, kept=True)

    def _kind(self, question: Question) -> QuestionKind:
        return self.registry.questions[type(question.state)]

    def _readings(self, turn: Turn, questions: Sequence[Question], said: Said) -> list[_Given]:
        """The questions that understand a text: of those, the ones that it fits best."""
        readings = [
            (question, self._kind(question).answer(turn.answering(question), question, said)) for question in questions
        ]
        given = [(question, reading) for question, reading in readings if reading is not None]
        best = next((fit for fit in Fit if any(pair[1].fit is fit for pair in given)), None)
        return [pair for pair in given if pair[1].fit is best]

    def _by_code(self, turn: Turn, questions: Sequence[Question], said: Said) -> list[_Given]:
        """The open questions whose own code a text names: a code counts at every number of ours (safety.md 6)."""
        return self._readings(
            turn, questions_with_code([item for item in questions if is_open(turn, item)], said), said
        )

    def _answered(self, turn: Turn, given: list[_Given], said: Said) -> _Route:
        if len(given) == 1:
            answer = given[0][1]
            return _Route(answer.outcome, answer.kept)
        changed = [outcome for kind in self._kinds_of(given) if (outcome := self._several(turn, kind, given, said))]
        if changed and len(self._kinds_of(given)) == 1:
            return _Route(changed[0], kept=True)
        about = [self._kind(question).about(turn, question) for question, _ in given]
        text = answers.several_questions(turn.account.language, about)
        unclear = Outcome(replies=(say(turn, text),), verdict="several questions")
        return _Route(merge_outcomes(unclear, *(replace(outcome, replies=()) for outcome in changed)), kept=True)

    def _kinds_of(self, given: list[_Given]) -> list[QuestionKind]:
        return list({kind.state: kind for kind in (self._kind(question) for question, _ in given)}.values())

    def _several(self, turn: Turn, kind: QuestionKind, given: list[_Given], said: Said) -> Outcome | None:
        of_kind = tuple(question for question, _ in given if isinstance(question.state, kind.state))
        if not (kind.several and len(of_kind) > 1):
            return None
        last = max((turn.answering(question) for question in of_kind), key=lambda one: one.at)
        return kind.several(last, of_kind, said)

    def _no_answer(self, turn: Turn, remembered: list[Question], said: Said, extension: str) -> _Route:
        pool = answerable_at(remembered, extension, said)
        waiting = [question for question in pool if is_open(turn, question) and asked_from(turn, question) == extension]
        if not waiting:
            asked_nothing = [] if pool or extension.startswith(Extension.CONFIRMATION) else remembered
            return (
                self._late(turn, pool, said)
                or self._asked_elsewhere(turn, remembered, said, extension)
                or self._late(turn, asked_nothing, said)
                or _puzzled(turn)
            )
        parents = {question.id for question in waiting}
        beneath = [q for q in pool if q.parent_id in parents and q.closed_as is ClosedAs.ANSWERED]
        recent = [question for question in pool if recently_ended(turn, question) and self._kind(question).late]
        return (
            self._ended(turn, [*beneath, *recent], said)
            or self._asked_elsewhere(turn, remembered, said, extension)
            or self._repeated(turn, waiting[-1])
        )

    def _asked_elsewhere(self, turn: Turn, remembered: list[Question], said: Said, extension: str) -> _Route | None:
        """What answers a question that another number asked: a no counts, for the rest she is told where to answer."""
        pool = answerable_at(remembered, extension, said)
        others = [question for question in remembered if question not in pool and is_open(turn, question)]
        given = [pair for pair in self._readings(turn, others, said) if pair[1].fit is not Fit.LAST]
        if not given:
            return None
        if looks_like_code(said) or (said.is_no and not pool and not extension.startswith(Extension.CONFIRMATION)):
            return self._answered(turn, given, said)
        about = [self._kind(question).about(turn, question) for question, _ in given]
        text = answers.answer_there(turn.account.language, about)
        return _Route(Outcome(replies=(say(turn, text),), verdict=NOT_UNDERSTOOD))

    def _repeated(self, turn: Turn, question: Question) -> _Route:
        """The question again, briefly; it stays the same question, with the window that it has."""
        text = self._kind(question).repeat(turn, question)
        return _Route(Outcome(replies=(say(turn, text, extension=question.extension),), verdict=NOT_UNDERSTOOD))

    def _late(self, turn: Turn, pool: list[Question], said: Said) -> _Route | None:
        return self._ended(turn, [question for question in pool if recently_ended(turn, question)], said)

    def _ended(self, turn: Turn, ended: list[Question], said: Said) -> _Route | None:
        """What a text that could have answered an ended question gets to hear; the newest such question speaks."""
        given = self._readings(turn, ended, said)
        if not given:
            return None
        question = given[-1][0]
        kind = self._kind(question)
        if kind.late is not None:
            return _Route(kind.late(turn.answering(question), question, said), kept=True)
        text = (kind.expired if question.closed_at is None else kind.answered)(turn, question)
        return _Route(Outcome(replies=(say(turn, text, extension=question.extension),), verdict="too late"))


def _to_a_customer(turn: Turn, outcome: Outcome) -> Outcome:
    """Nobody is written to at a number that was given up, whatever still becomes of its matters (safety.md 1)."""
    account = apply(turn.account, Outcome(subscriber=outcome.subscriber))
    return outcome if account.customer or not outcome.replies else replace(outcome, replies=())


def _run(turn: Turn, found: KeywordMatch) -> _Route:
    entry, argument = found
    return _Route(entry.run(turn, argument), entry.kept)


def _puzzled(turn: Turn) -> _Route:
    text = answers.NOT_UNDERSTOOD.say(turn.account.language, commands=menu_lines(turn))
    return _Route(Outcome(replies=(say(turn, text),), verdict=NOT_UNDERSTOOD))
