"""Benchmarks against named peers; docs/benchmarks.md tells how to read them."""
