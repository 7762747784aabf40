"""`python -m snoop`."""

from snoop.cli.main import main

if __name__ == "__main__":
    main()
