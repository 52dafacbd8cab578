"""``http=URL,…``: the servers answer; what they say does not matter, unless it is that they are broken."""

import urllib.error

from autopyfactory.wrapper.validation.finding import About, Finding, WrongArgument, summed, words
from autopyfactory.wrapper.web import TROUBLE, is_http, opener, told


def check(argument: str, about: About) -> Finding:
    """Ask each; a server that wants to be shown a certificate answers too."""
    problems = []
    urls = words(argument, "URLs")
    for url in urls:
        if not is_http(url):
            raise WrongArgument("not the URL of a web server: %r" % url)
        try:
            with opener(url, redirects=True).open(url, timeout=about.timeout_s / len(urls)):
                pass
        except urllib.error.HTTPError as error:
            if error.code >= 500:
                problems.append("%s: %s" % (url, told(error)))
            else:
                error.close()
        except TROUBLE as error:
            problems.append("%s: %s" % (url, told(error)))
    return summed(problems, "%s answered" % ", ".join(urls))
