"""As much of scikit-learn as the example of handwritten digits uses, without its import of two seconds."""
