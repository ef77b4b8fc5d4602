"""`python -m multiverse`, where the command is not on the path."""

from multiverse.cli.main import main

main(prog_name="multiverse")
