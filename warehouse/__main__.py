"""``python -m warehouse``: start the server (see ``cli.py`` for the options)."""

from warehouse.cli import main

if __name__ == "__main__":
    main()
