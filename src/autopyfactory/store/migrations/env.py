"""How alembic reaches the store: through the connection, and within the transaction, of the caller."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite changes tables in transactions, if they are begun as `database` begins them
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
