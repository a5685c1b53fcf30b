"""Findings of the papers, each checked on the model in hand by the runs that are there."""
