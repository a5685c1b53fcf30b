"""Chains: generated, forked, judged, kept in a tree and a session, searched for pivotal tokens."""
