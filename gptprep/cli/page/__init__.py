"""Report pages of `inspect`: what the terminal shows, as one HTML file with plots that needs nothing else."""
