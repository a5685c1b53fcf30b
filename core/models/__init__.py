"""Models: name, download, check, estimate and load them, also several on shared weights."""
