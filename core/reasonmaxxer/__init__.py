"""ReasonMaxxer: rollouts, entropy gate, contrastive loss, trainer (paper section 5)."""
