"""Real servers for tests, demo and benchmarks; none of them needs pytest."""
