"""Fine-tuning: a pretrained network trained further with labels."""
