"""Evaluation: how often a model solves the problems of a set, by itself and against another."""
