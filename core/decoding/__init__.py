"""Decoding: token ids in, statistics out. Prefill, stepping, sampling, guidance, scoring."""
