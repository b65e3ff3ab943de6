"""What ``make demo`` shows: a small company, its mail, and the mirror of it."""
