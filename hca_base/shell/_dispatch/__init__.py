"""From a command line to the command that runs, and from its errors to an exit code."""
