"""Generate, fork and judge chains; keep them in a tree and a session; find pivotal tokens."""
