"""The graph compiler: one exported graph becomes embedding tables, a user graph, an item graph and a cross graph."""
