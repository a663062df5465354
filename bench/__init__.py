"""Benchmarks: what the program, its rules and its services cost, and how that grows."""
