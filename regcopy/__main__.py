"""Where the program begins, installed or as `python -m regcopy`."""

import signal
from typing import NoReturn


def run() -> NoReturn:
    """Be the program."""
    # Modules take a while to load. Until a command sees to signals itself, Ctrl-C ends the
    # program as it ends others, without a traceback; what the caller ignores stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from regcopy.cli.main import run as run_command

    run_command()


if __name__ == "__main__":
    run()
