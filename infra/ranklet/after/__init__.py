"""The build's side of the steps after the scores: files read, the formula taken apart, all of it held to the model."""
