"""Refusals as pages, for browsers; everyone else gets problem documents."""

from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from autopyfactory.web.pages.render import Pages
from autopyfactory.web.problems import Answer, Problem

_ADVICE = {
    401: "Your session may be over: sign in, and send the form anew.",
    403: "Sign in with a token that may do this.",
    404: "It may have been forgotten after some days, or never have been.",
    429: "Wait a moment, and reload the page.",
    503: "The factory may be restarting. Wait a moment, and reload the page.",
}


def answers(pages: Pages) -> Answer:
    """Return how this web answers refusals."""

    def answer(request: Request, problem: Problem) -> Response:
        if not _is_browser(request):
            return problem.response()
        if problem.status == 401 and request.method == "GET":
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"/login?next={quote(request.url.path + query, safe='')}", 303)
        page = pages.page(
            request,
            "error.html",
            status=problem.status,
            title=HTTPStatus(problem.status).phrase,
            problem=problem,
            advice=_ADVICE.get(problem.status, ""),
        )
        page.headers.update(problem.headers)
        return page

    return answer


def _is_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
