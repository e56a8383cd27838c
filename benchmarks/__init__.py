"""What the detector is worth and what it costs, measured: `make quality`, `make cost`."""
