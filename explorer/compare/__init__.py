"""The Compare screen: its form, report and charts."""
