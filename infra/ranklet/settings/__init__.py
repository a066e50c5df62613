"""What model.toml says of deployment: one record and one file per table of it, checked where they are read."""
