"""Sampling on a server of the person's own (vLLM, SGLang); the statistics are computed here."""
