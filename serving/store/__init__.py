"""The durable memory of a service: events, viewers' settings, items put by hand, in SQLite or PostgreSQL."""
