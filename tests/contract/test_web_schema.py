"""The web keeps what its OpenAPI document says, whatever schemathesis sends."""

import asyncio
import sys
from pathlib import Path

from web_world import serving_web

from autopyfactory.model import Scope

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


async def test_answers_are_as_described(tmp_path: Path) -> None:
    async with serving_web(tmp_path, requests_per_s=1_000_000, burst=1_000_000) as web:
        bearer = await web.token(Scope.OPERATE, Scope.READ, Scope.REPORT)
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("st"),
            "run",
            f"{web.url}/api/v1/openapi.json",
            *("--header", f"Authorization: Bearer {bearer}"),
            *("--checks", ",".join(CHECKS)),
            *("--phases", "examples,coverage,fuzzing"),
            *("--max-examples", "5"),
            *("--seed", "1"),
            "--no-color",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-5000:]
