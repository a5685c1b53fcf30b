"""The page Learn: a lesson of ten minutes, on the demo and on the model in hand."""
