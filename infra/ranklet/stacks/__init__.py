"""The two kinds of stacks: what all models share, and one per model. They wire constructs and decide nothing."""
