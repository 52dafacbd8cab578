"""Durable state: SQLite and PostgreSQL behind one contract."""
