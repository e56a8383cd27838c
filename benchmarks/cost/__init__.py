"""What a verdict and a training cost, beside plain scikit-learn in the same run."""
