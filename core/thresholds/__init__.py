"""What a threshold of entropy means for a model: the share of its tokens above it."""
