"""The Interventions screen: its form, report and charts."""
