"""A class that is served at once: seats, passwords and limits a person."""
