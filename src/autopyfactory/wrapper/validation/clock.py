"""``clock[=SECONDS[,URL]]``: the node's clock agrees with that of a server (60 s, the WMS's server)."""

import email.utils
import time
import urllib.error

from autopyfactory.wrapper.validation.finding import About, Finding, WrongArgument, failed, number
from autopyfactory.wrapper.web import TROUBLE, is_http, opener, told


def check(argument: str, about: About) -> Finding:
    """Compare with the Date of an answer, whatever its status."""
    most, _, url = argument.partition(",")
    most_s = number(most, 60.0, "seconds")
    url = url or about.server_url
    if not is_http(url):
        raise WrongArgument("expected SECONDS,URL where there is no server to ask, got %r" % argument)
    try:
        with opener(url).open(url, timeout=about.timeout_s) as response:
            date = response.headers.get("Date")
    except urllib.error.HTTPError as error:
        date = error.headers.get("Date")
        error.close()
    except TROUBLE as error:
        return failed("no time from %s: %s" % (url, told(error)))
    parsed = email.utils.parsedate_tz(date or "")
    if parsed is None:
        return failed("no time from %s: no Date in its answer" % url)
    skew_s = time.time() - email.utils.mktime_tz(parsed)
    return Finding(abs(skew_s) <= most_s + 1, "%+.0f s against %s" % (skew_s, url), {"skew_s": round(skew_s)})
