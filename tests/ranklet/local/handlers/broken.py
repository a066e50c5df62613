"""Cannot be initialised."""

raise RuntimeError("the weights are missing")
