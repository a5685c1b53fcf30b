"""The Fine-tune screen: its form, gate, training and report."""
