"""What every training of a LoRA adapter needs, whatever its loss: ReasonMaxxer, distillation."""
