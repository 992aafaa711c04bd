#!/usr/bin/env python3
"""Concord on one machine, with Python and nothing else.

    python run.py          install, migrate, load the demo projects once, serve
    python run.py setup    install and migrate, then exit
    python run.py once     compute the demo analysis through a real worker process and print what it made
    python run.py test     every check and every test; further arguments go to pytest

This file holds no syntax newer than Python 3.0, so that an old Python can read as far as the sentence that refuses it.
"""

import sys

OLDEST_PYTHON = (3, 11)

if __name__ == "__main__":
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(
            "Concord needs Python 3.11 or newer and this is Python %d.%d: install a newer one from python.org "  # noqa: UP031
            "and start run.py with it." % (sys.version_info[0], sys.version_info[1])
        )
    from bootstrap.command_line import main

    sys.exit(main(sys.argv[1:], __doc__))
