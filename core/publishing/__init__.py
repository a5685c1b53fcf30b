"""Adapters go out: merged into their base, or uploaded to the hub with a model card."""
