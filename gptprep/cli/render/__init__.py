"""Reports and plans for people. All of them go to standard error, except the tokens of a text."""
