"""The screens: one a file, each a function `page` that app.py shows."""
