"""Which language a page speaks: what was asked for, else what the browser reads."""

from flask import request

LANGUAGES = ("zh", "en")


def language() -> str:
    """Return the language of this request, Chinese when nothing says otherwise."""
    asked = request.args.get("lang", "")
    if asked in LANGUAGES:
        return asked
    return request.accept_languages.best_match(LANGUAGES, default="zh")


def speak(chinese: str, english: str) -> str:
    """Choose between two sentences of one meaning."""
    return chinese if language() == "zh" else english
