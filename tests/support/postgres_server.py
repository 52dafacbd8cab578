"""An empty place on a real PostgreSQL server for each test; testbed/postgres brings the server up."""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

SERVER = os.environ.get("APF_TEST_POSTGRES_URL", "")

needs_postgres = [
    pytest.mark.postgres,
    pytest.mark.skipif(
        not SERVER,
        reason='APF_TEST_POSTGRES_URL is not set: testbed/postgres up; eval "$(testbed/postgres env)"',
    ),
]


@pytest.fixture
def database() -> Iterator[str]:
    """Return the URL of an empty schema, which is dropped afterwards."""
    url = make_url(SERVER).set(drivername="postgresql+psycopg")
    schema = f"test_{uuid4().hex}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    mine = url.update_query_dict({"options": f"-csearch_path={schema}"})
    yield mine.set(drivername="postgresql").render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()
