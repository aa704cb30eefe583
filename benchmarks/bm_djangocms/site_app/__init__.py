"""The site's own application: a text plugin.."""
