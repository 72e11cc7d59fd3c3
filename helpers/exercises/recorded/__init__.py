"""What references and suspects do, as numbers.  Made by ``python -m helpers.editions``; see helpers/judge/record.py."""
