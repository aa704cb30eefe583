"""The schema of the text plugin."""
