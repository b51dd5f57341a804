"""`python -m ball`."""

from ball.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
