"""What operations return, by shape: in help, and as type stubs for editors and type checkers."""
