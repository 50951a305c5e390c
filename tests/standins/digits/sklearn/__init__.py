"""The part of scikit-learn that the example of handwritten digits uses, without its import of two seconds."""
