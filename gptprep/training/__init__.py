"""PyTorch: datasets, data loaders, embeddings, and checkpoints. Only this room imports torch."""
