"""Which language a page speaks: what was asked for, else what the browser reads."""

from flask import Flask, Response, request, session

LANGUAGES = ("zh", "en")
KEPT_AS = "lang"  # in the signed cookie, so that a choice lasts from page to page


def register(app: Flask) -> None:
    """Remember a language that was asked for, and say which one a page speaks."""
    app.before_request(_remember)
    app.after_request(_declare)
    app.context_processor(lambda: {"lang": language()})


def language() -> str:
    """Return the language of this request, Chinese when nothing says otherwise.

    What this page was asked in counts first, then what was asked before, then what
    the browser reads.
    """
    for asked in (request.args.get("lang"), session.get(KEPT_AS)):
        if asked in LANGUAGES:
            return str(asked)
    return request.accept_languages.best_match(LANGUAGES, default="zh")


def speak(chinese: str, english: str) -> str:
    """Choose between two sentences of one meaning."""
    return chinese if language() == "zh" else english


def _remember() -> None:
    asked = request.args.get("lang")
    if asked in LANGUAGES and session.get(KEPT_AS) != asked:
        session[KEPT_AS] = asked


def _declare(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.vary.add("Accept-Language")
        response.content_language.add(language())
    return response
