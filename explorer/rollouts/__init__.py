"""The Rollouts screen: answers that other programs wrote, as the loaded model sees them."""
