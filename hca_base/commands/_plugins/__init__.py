"""Looking for what is wrong with an installation."""
