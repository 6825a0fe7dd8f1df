"""Benchmarks: what the project takes, beside its named peers. Each writes the facts of `results/bench/<name>.json`."""
