"""Arguments, signals and exit codes."""

import argparse
import os
import signal
import sys

from bootstrap.checks import test
from bootstrap.commands import default_workers, once, serve, setup
from bootstrap.places import ROOT
from bootstrap.refusals import FULL_DISK, Refusal, full_disk_sentence


def everything_tested(_options: argparse.Namespace) -> int:
    return test([])


COMMANDS = {"serve": serve, "setup": setup, "once": once, "test": everything_tested}


def main(arguments: list[str], description: str = "") -> int:
    """Exit code of `run.py` with these arguments; a refusal is one sentence on standard error."""
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), stop_as_with_ctrl_c)
    try:
        if arguments[:1] == ["test"]:
            return test(arguments[1:])
        options = argument_parser(description).parse_args(arguments)
        return COMMANDS[options.command](options)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        print(full_disk_sentence(ROOT), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def argument_parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py",
        description=description.partition("This file")[0],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="?", default="serve", choices=[*COMMANDS])
    parser.add_argument("--port", type=port_number, default=8000, help="port of the web server (8000)")
    parser.add_argument("--workers", type=worker_count, default=default_workers(), help="number of worker processes")
    parser.add_argument("--no-demo", dest="demo", action="store_false", help="start without the demo projects")
    parser.add_argument("--data", default=os.environ.get("CONCORD_DATA") or ROOT / "data", help="data folder (data/)")
    return parser


def port_number(text: str) -> int:
    return whole_number(text, 65535, "a port")


def worker_count(text: str) -> int:
    return whole_number(text, 64, "the number of workers")


def whole_number(text: str, largest: int, what: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= largest:
        raise argparse.ArgumentTypeError(f"{what} is a number from 1 to {largest}")
    return int(text)


def stop_as_with_ctrl_c(*_: object) -> None:
    raise KeyboardInterrupt
