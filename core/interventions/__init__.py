"""Interventions on chains: which forced tokens change the answer (paper section 3)."""
