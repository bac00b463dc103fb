"""The web phone: the same phone, shown by a real browser."""
