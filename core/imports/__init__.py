"""Rollouts and answers that other programs wrote, read into chains of a model of ours.

A file becomes rows (`sources`, `archives`), the rows' fields get roles (`shapes` for published
forms, `guessing` for others), a row becomes rollouts (`row_reader`), and a model scores them
(`scoring`). Entropies in a file are those of the program that wrote it, and stay apart from ours.
"""
