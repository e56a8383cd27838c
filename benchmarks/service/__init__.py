"""How quick the whole service is: each figure beside a reference, measured in the same run."""
