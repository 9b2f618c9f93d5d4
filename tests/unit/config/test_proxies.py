"""Which proxy, if any: the cases of Go's own tests (x/net/http/httpproxy), and some more."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regcopy.config.environment import Environment
from regcopy.config.proxies import proxy_for
from regcopy.errors import ConfigurationError
from tests.credentials import CANARY

PROXY = "http://proxy.test:3128"
DIRECT = None


def choose(host: str, port: int = 443, scheme: str = "https", **variables: str) -> str | None:
    return proxy_for(scheme, host, port, Environment(variables))


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("proxy.test", "http://proxy.test"),
        ("proxy.test:8080", "http://proxy.test:8080"),
        (" proxy.test:8080 ", "http://proxy.test:8080"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://proxy.test", "https://proxy.test"),
        ("http://proxy.test:8080/", "http://proxy.test:8080/"),
        ("HTTP://proxy.test", "HTTP://proxy.test"),
        ("http://ann:secret@proxy.test:3128", "http://ann:secret@proxy.test:3128"),
        ("ann:secret@proxy.test:3128", "http://ann:secret@proxy.test:3128"),
        ("socks5://127.0.0.1", "socks5://127.0.0.1"),
        ("socks5h://127.0.0.1:1080", "socks5h://127.0.0.1:1080"),
        ("[::1]:3128", "http://[::1]:3128"),
        ("", DIRECT),
    ],
)
def test_the_address_of_a_proxy(value: str, url: str | None) -> None:
    assert choose("example.com", HTTPS_PROXY=value) == url


@pytest.mark.parametrize(
    "value",
    [
        "http://",
        "http:///path",
        "http://:3128",
        "http://proxy.test:0",
        "http://proxy.test:99999",
        "http://proxy.test:port",
        "http://[::1",
        "ftp://proxy.test",
        "://proxy.test",
        "proxy test",
        "http://pro\nxy.test",
        "http://proxy\0.test",
        "   ",
    ],
)
def test_an_address_that_makes_no_sense_is_an_error_that_does_not_show_it(value: str) -> None:
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY is not the address") as caught:
        choose("example.com", HTTPS_PROXY=f"{value}{CANARY} {CANARY}")

    assert CANARY not in f"{caught.value} {caught.value!r} {caught.value.hint}"
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY is not the address"):
        choose("example.com", HTTPS_PROXY=value)


@pytest.mark.parametrize(
    ("scheme", "variables", "url"),
    [
        ("https", {"HTTPS_PROXY": PROXY}, PROXY),
        ("https", {"https_proxy": PROXY}, PROXY),
        ("https", {"HTTPS_PROXY": PROXY, "https_proxy": "http://other.test"}, PROXY),
        ("https", {"HTTPS_PROXY": "", "https_proxy": PROXY}, PROXY),
        ("http", {"HTTP_PROXY": PROXY}, PROXY),
        ("http", {"http_proxy": PROXY}, PROXY),
        ("http", {"HTTPS_PROXY": PROXY}, DIRECT),
        ("https", {"HTTP_PROXY": PROXY}, DIRECT),
        ("https", {"ALL_PROXY": PROXY, "all_proxy": PROXY}, DIRECT),
        ("https", {}, DIRECT),
        ("ftp", {"FTP_PROXY": PROXY, "HTTPS_PROXY": PROXY}, DIRECT),
        # In a CGI program HTTP_PROXY may be the client's header "Proxy".
        ("http", {"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, DIRECT),
        ("http", {"http_proxy": PROXY, "REQUEST_METHOD": "GET"}, DIRECT),
        ("https", {"HTTPS_PROXY": PROXY, "REQUEST_METHOD": "GET"}, PROXY),
    ],
)
def test_the_variable_that_counts(scheme: str, variables: dict[str, str], url: str | None) -> None:
    assert proxy_for(scheme, "example.com", 443, Environment(variables)) == url


NO_PROXY = (
    "foobar.com, .barbaz.net, *.wildcard.io, 192.168.1.1, 192.168.1.2:81, 192.168.1.3:80, "
    "10.0.0.0/30, 2001:db8::52:0:1, [2001:db8::52:0:2]:443, [2001:db8::52:0:3]:80, "
    "2002:db8:a::45/64, Upper.Example"
)


@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize(
    ("host", "url"),
    [
        # This machine: always direct.
        ("localhost", DIRECT),
        ("127.0.0.1", DIRECT),
        ("127.0.0.2", DIRECT),
        ("::1", DIRECT),
        ("[::1]", DIRECT),
        ("::ffff:127.0.0.1", DIRECT),
        ("::2", PROXY),
        ("localhost.net", PROXY),
        ("local.localhost", PROXY),
        # Addresses, with and without ports, and networks.
        ("192.168.1.1", DIRECT),
        ("::ffff:192.168.1.1", DIRECT),
        ("192.168.1.2", PROXY),
        ("192.168.1.3", DIRECT),
        ("192.168.1.4", PROXY),
        ("10.0.0.2", DIRECT),
        ("10.0.0.4", PROXY),
        ("[2001:db8::52:0:1]", DIRECT),
        ("2001:DB8:0::52:0:1", DIRECT),
        ("[2001:db8::52:0:2]", PROXY),
        ("[2001:db8::52:0:3]", DIRECT),
        ("[2002:db8:a::123]", DIRECT),
        ("[2002:db8:b::123]", PROXY),
        ("[fe80::424b:c8be:1643:a1b6]", PROXY),
        # Names: whole labels only.
        ("barbaz.net", PROXY),
        ("www.barbaz.net", DIRECT),
        ("barbarbaz.net", PROXY),
        ("foobar.com", DIRECT),
        ("FooBar.COM", DIRECT),
        ("www.foobar.com", DIRECT),
        ("foofoobar.com", PROXY),
        ("baz.com", PROXY),
        ("wildcard.io", PROXY),
        ("nested.wildcard.io", DIRECT),
        ("awildcard.io", PROXY),
        ("upper.example", DIRECT),
    ],
)
def test_go_s_own_table_of_exceptions(host: str, url: str | None, variable: str) -> None:
    told = {"HTTP_PROXY": PROXY, variable: NO_PROXY}

    assert choose(host, 80, "http", **told) == url


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "url"),
    [
        ("", "example.com", 443, PROXY),
        (" , ,", "example.com", 443, PROXY),
        ("*", "example.com", 443, DIRECT),
        ("x.test,*", "10.1.2.3", 443, DIRECT),
        ("**", "example.com", 443, PROXY),
        (":1", "example.com", 1, PROXY),
        (":1", "10.0.0.1", 1, PROXY),
        (".", "example.com", 443, PROXY),
        ("ample.com", "example.com", 443, PROXY),
        ("example.com:443", "example.com", 443, DIRECT),
        ("example.com:443", "example.com", 8443, PROXY),
        ("example.com:5000", "sub.example.com", 5000, DIRECT),
        (".example.com:5000", "example.com", 5000, PROXY),
        ("*.example.com:5000", "sub.example.com", 5000, DIRECT),
        ("0.0.0.0/0", "10.1.2.3", 443, DIRECT),
        ("0.0.0.0/0", "2001:db8::1", 443, PROXY),
        ("0.0.0.0/0", "example.com", 443, PROXY),
        ("::/0", "2001:db8::1", 443, DIRECT),
        ("::/0", "10.1.2.3", 443, PROXY),
        ("10.0.0.0/33", "10.0.0.1", 443, PROXY),
        ("10.0.0.0/255.0.0.0", "10.0.0.1", 443, PROXY),
        ("10.0.0.7/8", "10.200.0.1", 443, DIRECT),
        ("10.0.0.0/-1", "10.0.0.1", 443, PROXY),
        ("10.0.0.0/", "10.0.0.0", 443, PROXY),
        ("2001:db8::1", "2001:db8:0:0::1", 443, DIRECT),
        ("2001:db8::1", "2001:db8::10", 443, PROXY),
        ("http://example.com", "example.com", 443, PROXY),
        ("example.com.", "example.com", 443, PROXY),
    ],
)
def test_one_exception(no_proxy: str, host: str, port: int, url: str | None) -> None:
    assert choose(host, port, HTTPS_PROXY=PROXY, NO_PROXY=no_proxy) == url


def test_an_exception_is_direct_even_where_the_proxy_makes_no_sense() -> None:
    assert choose("example.com", HTTPS_PROXY="http://", NO_PROXY="example.com") is DIRECT


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.text(alphabet="ab.:/[]@%*0 1\n\0-é", max_size=20),
    st.text(alphabet="ab.:/[]*,%01 -é", max_size=30),
    st.text(alphabet="ab.:[]%01é", max_size=15),
)
def test_any_text_gives_a_proxy_or_one_clean_error(proxy: str, no_proxy: str, host: str) -> None:
    try:
        told = choose(host, HTTPS_PROXY=proxy, NO_PROXY=no_proxy) or "http://"
    except ConfigurationError as error:
        told = str(error)

    assert told.startswith(("http://", "HTTPS_PROXY is not the address of a proxy"))
    assert told.isprintable()
