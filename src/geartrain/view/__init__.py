"""See a program move: an observer beside the engine, which does not know of it."""
