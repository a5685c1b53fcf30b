"""Models: which one, is it here, does it fit, how it is loaded, and a second one beside it."""
