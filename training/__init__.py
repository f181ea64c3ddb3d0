"""Learning: reads data, trains, evaluates and exports. May import every other room; nothing imports it."""
