"""Find the sources of settings and read them into layers."""
