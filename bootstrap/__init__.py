"""What `run.py` does before and around Concord itself. Only the standard library: nothing is installed yet.

=============  ====================================================================
module         what it holds
=============  ====================================================================
refusals       one clear sentence for each thing that keeps Concord from starting
places         the project folder, the data folder, the environment of each process
locks          one Concord per data folder
installation   .venv brought to the lock
supervision    processes that are kept running, and ended with us
commands       serve, setup, once
checks         test
command_line   arguments and exit codes
=============  ====================================================================

Each module imports only from those above it.
"""
