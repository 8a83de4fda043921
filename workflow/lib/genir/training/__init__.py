"""Training: one loop; pre-training, fine-tuning, query generation."""
