"""Trees that grow by themselves: other tokens at a chain's forks, continued to their endings."""
