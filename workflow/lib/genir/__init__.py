"""GenIR Anatomy: train generative retrieval models and take them apart."""
