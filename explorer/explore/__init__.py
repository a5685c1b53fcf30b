"""The Explore screen: the chain, the selected token, the branches."""
