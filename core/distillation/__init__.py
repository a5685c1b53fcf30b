"""Distillation: what a teacher does differently, taught to a small adapter (paper section 4)."""
