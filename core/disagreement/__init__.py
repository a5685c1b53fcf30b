"""Where teachers disagree with the base, over a problem set (paper section 3)."""
