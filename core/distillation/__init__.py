"""Distillation of a teacher into a small adapter (paper section 4)."""
