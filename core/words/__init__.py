"""Which words of a run's chains are forks, and which of them a teacher changes."""
