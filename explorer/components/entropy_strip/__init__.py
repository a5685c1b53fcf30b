"""Entropy over a whole chain as a strip of bars: part of the token heatmap, with its data."""
