"""Commands of the command line, each module with its own: it adds their options and prints their answers."""
