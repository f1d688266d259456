"""The menu of commands."""

from app.commands.registry import command
from app.commands.replies import menu_lines, say
from app.commands.vocabulary import MENU
from app.domain.texts import answers
from app.domain.turn import Outcome, Turn


@command(*MENU, menu=answers.HELP, rank=90, reads=())
def show_menu(turn: Turn, _argument: str) -> Outcome:
    """List the commands that customers can send."""
    return Outcome(replies=(say(turn, answers.MENU.say(turn.account.language, commands=menu_lines(turn))),))
