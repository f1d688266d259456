"""``smsgw``: the command line."""

import gc
import signal


def main() -> None:
    """Run the command line. Ctrl-C while it is imported ends it at once, like any program, without a traceback."""
    gc.disable()  # what is imported stays: looking for garbage in it takes a fifth of the start
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from app.cli.smsgw import run  # noqa: PLC0415  imported under the handler set above

    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGINT, handler)
    run()
