"""The commands of `python -m ball`, one a file. Each offers ``add``; heavy imports wait until one runs."""
