"""Find and run the command of a command line, and convert errors to exit codes."""
