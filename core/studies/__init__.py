"""Studies: fine-tunes over a grid of settings, on one set of rollouts."""
