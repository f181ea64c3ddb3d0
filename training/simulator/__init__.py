"""A small streaming service with a known truth: its log feeds training, its viewers judge policies in closed loop."""
