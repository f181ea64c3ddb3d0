"""`python -m training` is `marquee`."""

from training.cli import main

main()
