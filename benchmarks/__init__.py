"""Ours against a peer, measured in the same run. Benchmarks print; they never decide a test."""
