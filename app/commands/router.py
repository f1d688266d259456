"""The router: finds the command, question, timer or call that a stimulus is for, and runs it (flows.md 3)."""

from collections.abc import Sequence

from app.commands.arguments import KeywordMatch, argument_is_known, is_command, match_command, match_keyword
from app.commands.codes import looks_like_code, questions_with_code
from app.commands.limits import (
    INCOMPLETE,
    answer_stranger,
    apply_reply_limits,
    former_customer_outcome,
    new_subscriber,
    not_understood,
    outcome_over_rate,
)
from app.commands.open_questions import answerable_at, is_open, may_answer, recently_ended, remembered_questions
from app.commands.parser import Said
from app.commands.question_handlers import SEVERAL_QUESTIONS, Answer, Fit, QuestionHandler, by_kind
from app.commands.reactions import only_to_customer, with_reactions
from app.commands.registry import ALL_RECORDS, Handler, Reads, Registry
from app.commands.replies import extension_of, menu_lines, say
from app.domain.account import Account, Subscriber
from app.domain.dialogue import ClosedAs, Question
from app.domain.merging import merge_handled, merge_outcomes
from app.domain.service_numbers import Extension, ServiceNumbers
from app.domain.texts import answers
from app.domain.turn import Handled, Need, Outcome, Stimulus, TextReceived, TimerDue, Turn, apply
from app.domain.values import replace, value


@value
class _Route:
    """How a text was handled; a ``kept`` text waits beyond the rate limit instead of being dropped."""

    outcome: Handled
    kept: bool = False


# A question, and how it reads the text.
_Reading = tuple[Question, Answer]
_EXTENSION_DIGITS = 3


@value
class Router:
    """Finds and runs the function that handles a stimulus; the same input gives the same outcome."""

    registry: Registry

    def handle(self, turn: Turn) -> Handled:
        """Return the outcome of a turn, or what its MO waits for. Raise LookupError as ``run`` does."""
        if not isinstance(turn.stimulus, TextReceived):
            return self.run(turn)
        handled = self._handle_text(turn, turn.stimulus)
        return with_reactions(self.registry, turn, handled) if isinstance(handled, Outcome) else handled

    def run(self, turn: Turn) -> Outcome:
        """Return the outcome of a timer or call. Raise LookupError if no function handles this kind of stimulus."""
        handler = self._handler(turn.stimulus)
        if handler is None:
            raise LookupError(f"no command takes this {type(turn.stimulus).__name__}")
        return only_to_customer(turn, with_reactions(self.registry, turn, handler.run(turn)))

    def _handler(self, stimulus: Stimulus) -> Handler | None:
        if isinstance(stimulus, TimerDue):
            return self.registry.timers.get(stimulus.kind)
        return self.registry.calls.get(type(stimulus))

    def reads(self, stimulus: Stimulus, numbers: ServiceNumbers) -> Reads:
        """Return the kinds of records that handling the stimulus needs.

        The kinds of a keyword's command suffice only for texts to 10086 and to the number of listings. At others, such
        as those of orders and fees, a keyword may be an answer as well.
        """
        if not isinstance(stimulus, TextReceived):
            handler = self._handler(stimulus)
            return handler.reads if handler else ()
        if stimulus.missing or numbers.extension(stimulus.dialled) not in (Extension.COMMANDS, Extension.LISTING):
            return ALL_RECORDS
        exact = self.registry.exact(self.registry.reader.read(stimulus.text))
        return exact.reads if exact else ALL_RECORDS

    def needs(self, stimulus: Stimulus, account: Account, numbers: ServiceNumbers) -> tuple[Need, ...]:
        """Return what the open questions need to read the text, beyond the basic account."""
        if not isinstance(stimulus, TextReceived) or numbers.extension(stimulus.dialled) == Extension.SPAM:
            return ()
        asking = [question for question in account.questions.values() if may_answer(stimulus, question)]
        if not asking:
            return ()
        said = self.registry.reader.read(stimulus.text)
        return tuple(need for question in asking for need in self._handler_of(question).needs(question, said))

    def _handle_text(self, turn: Turn, received: TextReceived) -> Handled:
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
        if not isinstance(outcome, Outcome):
            return outcome
        outcome = apply_reply_limits(turn, limits, outcome)
        if created is None:
            return outcome
        return replace(outcome, subscriber=outcome.subscriber or created)

    # ---- routing a text

    def _route(self, turn: Turn, said: Said, extension: str) -> _Route:
        number = self.registry.numbers.get(extension)
        outcome = number.run(turn, said) if number else None
        if number and outcome:
            return _Route(outcome, number.kept)
        # 204 for each of the confirmation numbers 20400 to 20499.
        interceptor = self.registry.interceptors.get(extension[:_EXTENSION_DIGITS])
        intercepted = interceptor(turn, said) if interceptor else None
        if intercepted is not None:
            return self._route_intercepted(turn, said, intercepted)
        return self._route_whole(turn, said, extension)

    def _route_incomplete(self, turn: Turn, said: Said, extension: str) -> _Route:
        """Route a text with missing parts: only functions marked ``@incomplete`` get it (delivery.md 6)."""
        usable = self.registry.incomplete
        number = self.registry.numbers.get(extension)
        outcome = number.run(turn, said) if number and number.run in usable else None
        if number and outcome:
            return _Route(outcome, number.kept)
        exact = self.registry.exact(said)
        match = (exact, "") if exact else match_keyword(self.registry, said)
        if match is not None and match[0].run in usable:
            return _run(turn, match)
        candidates = answerable_at(remembered_questions(turn), extension, said)
        able = [item for item in candidates if is_open(turn, item) and type(self._handler_of(item)) in usable]
        readings = self._readings(turn, able, said)
        if readings:
            return self._answered(turn, readings, said)
        from_extension = Extension.COMMANDS if extension == Extension.FOREIGN else extension
        reply = say(turn, answers.INCOMPLETE.say(turn.account.language), extension=from_extension)
        return _Route(Outcome(replies=(reply,), verdict=INCOMPLETE, understood=False))

    def _route_whole(self, turn: Turn, said: Said, extension: str) -> _Route:
        exact = self.registry.exact(said)
        if exact is not None:
            return _Route(exact.run(turn, ""), exact.kept)
        match = match_command(turn, self.registry, said)
        if match is not None and (not match[0].takes.word or match[1] in turn.catalogue.by_keyword):
            return _run(turn, match)
        remembered = remembered_questions(turn)
        candidates = answerable_at(remembered, extension, said)
        readings = self._readings(turn, [question for question in candidates if is_open(turn, question)], said)
        meant_as_command = match is not None and is_command(turn, match)
        if not readings or readings[0][1].fit is not Fit.EXACT:
            readings = self._by_code(turn, remembered, said) or readings
        if readings and not (meant_as_command and readings[0][1].fit is Fit.LAST):
            return self._answered(turn, readings, said)
        if match is not None:
            # TD1 behind a listing that has run out is a late pick, and does not name a service "1".
            return (None if argument_is_known(turn, match) else self._late(turn, candidates, said)) or _run(turn, match)
        return self._route_unanswered(turn, remembered, said, extension)

    def _route_intercepted(self, turn: Turn, said: Said, intercepted: Outcome) -> _Route:
        """Route a text that an interceptor has handled: a keyword or code in it counts as well (safety.md 6, 14)."""
        turn = replace(turn, account=apply(turn.account, intercepted))
        exact = self.registry.exact(said)
        if exact is not None:
            return _Route(merge_handled(intercepted, exact.run(turn, "")), kept=True)
        match = match_command(turn, self.registry, said)
        if match is not None and is_command(turn, match):
            return _Route(merge_handled(intercepted, _run(turn, match).outcome), kept=True)
        readings = self._by_code(turn, remembered_questions(turn), said)
        if not readings:
            return _Route(intercepted, kept=True)
        return _Route(merge_handled(intercepted, self._answered(turn, readings, said).outcome), kept=True)

    def _handler_of(self, question: Question) -> QuestionHandler:
        return self.registry.questions[type(question.state)]

    def _readings(self, turn: Turn, questions: Sequence[Question], said: Said) -> list[_Reading]:
        """Return the questions that understand a text, with their readings; of these only the ones that fit best."""
        answers_given = [
            (question, self._handler_of(question).answer(turn.answering(question), question, said))
            for question in questions
        ]
        readings = [(question, answer) for question, answer in answers_given if answer is not None]
        best = next((fit for fit in Fit if any(answer.fit is fit for _, answer in readings)), None)
        return [(question, answer) for question, answer in readings if answer.fit is best]

    def _by_code(self, turn: Turn, questions: Sequence[Question], said: Said) -> list[_Reading]:
        """Return the open questions whose own code is in the text; a code counts at every number (safety.md 6)."""
        return self._readings(
            turn, questions_with_code([item for item in questions if is_open(turn, item)], said), said
        )

    def _answered(self, turn: Turn, readings: list[_Reading], said: Said) -> _Route:
        if len(readings) == 1:
            answer = readings[0][1]
            return _Route(answer.outcome, answer.kept)
        groups = by_kind([question for question, _ in readings])
        changed = [outcome for questions in groups if (outcome := self._several(turn, questions, said))]
        if changed and len(groups) == 1:
            return _Route(changed[0], kept=True)
        about = [self._handler_of(question).about(turn, question) for question, _ in readings]
        text = answers.several_questions(turn.account.language, about)
        unclear = Outcome(replies=(say(turn, text),), verdict=SEVERAL_QUESTIONS)
        return _Route(merge_outcomes(unclear, *(replace(outcome, replies=()) for outcome in changed)), kept=True)

    def _several(self, turn: Turn, questions: tuple[Question, ...], said: Said) -> Outcome | None:
        if len(questions) == 1:
            return None
        last = max((turn.answering(question) for question in questions), key=lambda one: one.at)
        return self._handler_of(questions[0]).several(last, questions, said)

    def _route_unanswered(self, turn: Turn, remembered: list[Question], said: Said, extension: str) -> _Route:
        """Route a text that no open question understands.

        If this number waits for an answer: to an ended question that the text fits, to a question of another number,
        or the waiting question is repeated. Else: to an ended question, to one of another number, or to the menu.
        """
        candidates = answerable_at(remembered, extension, said)
        waiting = [item for item in candidates if is_open(turn, item) and extension_of(turn, item) == extension]
        if not waiting:
            elsewhere = [] if candidates or extension.startswith(Extension.CONFIRMATION) else remembered
            return (
                self._late(turn, candidates, said)
                or self._asked_elsewhere(turn, remembered, said, extension)
                or self._late(turn, elsewhere, said)
                or _not_understood(turn)
            )
        parents = {question.id for question in waiting}
        children = [q for q in candidates if q.parent_id in parents and q.closed_as is ClosedAs.ANSWERED]
        recent = [
            question
            for question in candidates
            if recently_ended(turn, question) and self._handler_of(question).late_counts
        ]
        return (
            self._ended(turn, [*children, *recent], said)
            or self._asked_elsewhere(turn, remembered, said, extension)
            or self._repeated(turn, waiting[-1])
        )

    def _asked_elsewhere(self, turn: Turn, remembered: list[Question], said: Said, extension: str) -> _Route | None:
        """Route an answer to a question of another number: a no or a code counts, else reply where to send it."""
        candidates = answerable_at(remembered, extension, said)
        others = [question for question in remembered if question not in candidates and is_open(turn, question)]
        readings = [pair for pair in self._readings(turn, others, said) if pair[1].fit is not Fit.LAST]
        if not readings:
            return None
        to_order = extension.startswith(Extension.CONFIRMATION)
        if looks_like_code(said) or (said.is_no and not candidates and not to_order):
            return self._answered(turn, readings, said)
        about = [self._handler_of(question).about(turn, question) for question, _ in readings]
        text = answers.answer_there(turn.account.language, about)
        return _Route(not_understood(say(turn, text)))

    def _repeated(self, turn: Turn, question: Question) -> _Route:
        """Repeat a question in short; it stays open as it is, with the same window."""
        text = self._handler_of(question).repeat(turn, question)
        return _Route(not_understood(say(turn, text, extension=question.extension)))

    def _late(self, turn: Turn, candidates: list[Question], said: Said) -> _Route | None:
        return self._ended(turn, [question for question in candidates if recently_ended(turn, question)], said)

    def _ended(self, turn: Turn, ended: list[Question], said: Said) -> _Route | None:
        """Route a text that fits an ended question to the newest such question; None if it fits none."""
        readings = self._readings(turn, ended, said)
        if not readings:
            return None
        question = readings[-1][0]
        handler = self._handler_of(question)
        return _Route(handler.late(turn.answering(question), question, said), kept=handler.late_counts)


def _run(turn: Turn, match: KeywordMatch) -> _Route:
    entry, argument = match
    return _Route(entry.run(turn, argument), entry.kept)


def _not_understood(turn: Turn) -> _Route:
    text = answers.NOT_UNDERSTOOD.say(turn.account.language, commands=menu_lines(turn))
    return _Route(not_understood(say(turn, text)))
