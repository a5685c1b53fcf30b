"""What teaches inside the app: the tour, the keys, the glossary."""
