"""The Evaluate screen: its form, report and charts."""
