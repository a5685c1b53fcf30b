"""Files to hand out: a page that needs nothing else, pictures, tables."""
