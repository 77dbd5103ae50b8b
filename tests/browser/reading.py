"""What a page is asked, whatever it is about."""

import json
import re
from collections.abc import Collection
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# Words of the other language are marked with theirs; what is left is the page's own.
_WORDS = """() => {
  const own = (element) => element.closest("[lang]") === document.documentElement;
  const found = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (own(parent) && !parent.closest("script, style, template, code, .mono"))
      found.push(walker.currentNode.textContent.trim());
  }
  for (const name of ["aria-label", "alt", "placeholder", "title"])
    for (const element of document.querySelectorAll(`[${name}]`))
      if (own(element)) found.push(element.getAttribute(name));
  return found.filter((words) => words);
}"""
_CHINESE = re.compile(r"[\u3400-\u9fff\u3001\u3002\uff01-\uff1f]")
# Two small words in a row: names and abbreviations are called the same in Chinese.
_ENGLISH = re.compile(r"\b[A-Za-z]?[a-z]{2,} [a-z]{2,}\b")
_OFTEN = ("serious", "critical")


def strange_words(
    page: Page, language: str, *, names: Collection[str] = ()
) -> list[str]:
    """Return what a page says in the language that it does not speak.

    Names are called the same in both.
    """
    strange = _CHINESE if language == "en" else _ENGLISH
    name = re.compile("|".join(map(re.escape, names)) or "(?!)")
    return [
        said for said in page.evaluate(_WORDS) if strange.search(name.sub("", said))
    ]


def accessibility_faults(page: Page, *rules: str) -> list[str]:
    """Return what axe-core finds serious or critical; by all rules, or by these."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(f"axe.run({json.dumps(options)})")
    return [
        f"{violation['id']}: {node['target'][-1]} {node['html'][:120]}"
        for violation in found["violations"]
        if violation["impact"] in _OFTEN
        for node in violation["nodes"]
    ]


def too_wide(page: Page) -> list[str]:
    """Return what reaches beyond the window, if the page can be moved sideways."""
    found: list[str] = page.evaluate(
        """() => {
          const root = document.documentElement;
          if (root.scrollWidth <= root.clientWidth) return [];
          return [...document.querySelectorAll("body *")]
            .filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1)
            .filter((one) => !one.closest(".rail, .scroll"))
            .map((one) => one.outerHTML.slice(0, 100)).slice(0, 5)
            .concat("the page scrolls sideways");
        }"""
    )
    return found
