"""A lesson of ten minutes: its steps, what a model shows in them, and the checks after each."""
