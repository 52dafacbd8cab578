"""Whose address counts behind a web server: the caller's, as those tell who are named, and nobody else."""

from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_world import serving_web

from autopyfactory.model import Scope
from autopyfactory.web.access import within
from autopyfactory.web.origins import origin_of

PROXY, INNER, CALLER, LIAR = "192.0.2.1", "192.0.2.2", "203.0.113.9", "127.0.0.1"
PROXIES = (ip_network("192.0.2.0/30"),)


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "origin"),
    [
        (CALLER, "", CALLER),
        (PROXY, "", PROXY),
        (PROXY, CALLER, CALLER),
        (PROXY, f"{LIAR}, {CALLER}", CALLER),
        (PROXY, f"{LIAR},{CALLER},{INNER}", CALLER),
        (PROXY, f"{INNER}, {INNER}", INNER),
        (f"::ffff:{PROXY}", CALLER, CALLER),
        (PROXY, "2001:DB8::0:1", "2001:db8::1"),
        # no address is believed from anybody else
        (CALLER, LIAR, CALLER),
        ("127.0.0.1", CALLER, "unnamed proxy at 127.0.0.1"),
        ("::1", CALLER, "unnamed proxy at ::1"),
        # nor is what is none
        (PROXY, "unknown", f"unknown caller of {PROXY}"),
        (PROXY, f"{LIAR}, _hidden, {INNER}", f"unknown caller of {INNER}"),
        (PROXY, f"{LIAR},", f"unknown caller of {PROXY}"),
    ],
)
def test_the_address_that_counts(peer: str, forwarded_for: str, origin: str) -> None:
    assert origin_of(peer, forwarded_for, PROXIES) == origin


@given(said=st.lists(st.one_of(st.ip_addresses().map(str), st.text(max_size=9)), max_size=4))
def test_whatever_a_caller_writes_it_has_the_address_that_the_proxy_saw(said: Sequence[str]) -> None:
    assert origin_of(PROXY, ", ".join([*said, CALLER]), PROXIES) == CALLER
    assert origin_of(CALLER, ", ".join(said), PROXIES) == CALLER


@given(said=st.text(max_size=20))
def test_a_proxy_on_this_machine_that_is_not_named_lends_its_address_to_nobody(said: str) -> None:
    origin = origin_of("127.0.0.1", said + ",", ())
    assert not within(origin, [ip_network("0.0.0.0/0"), ip_network("::/0")])


async def test_networks_hold_for_those_behind_a_named_proxy(tmp_path: Path) -> None:
    inside, outside = ({"X-Forwarded-For": address} for address in ("203.0.113.9", "198.51.100.1"))
    settings = {"reads": "closed", "networks": ["203.0.113.0/24"], "monitor_networks": ["203.0.113.0/24"]}
    async with serving_web(tmp_path, trusted_proxies=["127.0.0.1/32"], **settings) as web:
        assert (await web.get("/api/v1/queues", headers=inside)).status == 200
        assert (await web.get("/api/v1/queues", headers=outside)).status == 401
        assert (await web.get("/api/v1/queues")).status == 401
        assert (await web.call("PUT", "/api/factories/f", headers=inside, data="{}")).status == 201
        assert (await web.call("PUT", "/api/factories/g", headers=outside, data="{}")).status == 403


async def test_who_is_not_named_is_not_believed(tmp_path: Path) -> None:
    told = {"X-Forwarded-For": "203.0.113.9"}
    async with serving_web(tmp_path, reads="closed", networks=["203.0.113.0/24", "127.0.0.1/32"]) as web:
        assert (await web.get("/api/v1/queues")).status == 200
        assert (await web.get("/api/v1/queues", headers=told)).status == 401
        assert (await web.call("PUT", "/api/factories/f", headers=told, data="{}")).status == 403
        assert (await web.call("PUT", "/api/factories/f", data="{}")).status == 201


async def test_rates_and_the_audit_trail_go_by_it(tmp_path: Path) -> None:
    one, two = ({"X-Forwarded-For": f"198.51.100.{n}"} for n in (1, 2))
    async with serving_web(tmp_path, trusted_proxies=["127.0.0.1/32"], burst=3, requests_per_s=0.001) as web:
        statuses = [(await web.get("/api/v1/queues", headers=one)).status for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        assert (await web.get("/api/v1/queues", headers=two)).status == 200
        bearer = await web.token(Scope.OPERATE)
        body = {"kind": "drained"}
        await web.call("PUT", "/api/v1/overrides/AGLT2", bearer=bearer, headers=two, json=body)
        assert (await web.store.audit())[0].origin == "198.51.100.2"


@pytest.mark.parametrize(("proxies", "scheme"), [(["127.0.0.1/32"], "https"), ([], "http")])
async def test_a_named_proxy_is_believed_that_it_was_called_by_tls(
    proxies: list[str], scheme: str, tmp_path: Path
) -> None:
    async with serving_web(tmp_path, trusted_proxies=proxies) as web:
        answer = await web.get("/api/jobs/f:1.0", headers={"X-Forwarded-Proto": "https"})
        assert answer.body.decode().startswith(f"Not found: {scheme}://")
