"""Decoding: token ids in, statistics out. Prefill, steps, sampling, a guiding teacher, scoring."""
