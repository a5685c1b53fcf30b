"""The app for a class: the door, who is on, and what a person may use."""
