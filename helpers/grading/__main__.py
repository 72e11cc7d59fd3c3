"""``python -m helpers.grading``: see ``--help``."""

if __name__ == "__main__":
    from helpers.classroom.cli import main

    main()
