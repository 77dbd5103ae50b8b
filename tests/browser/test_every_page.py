"""What is asked of every page, whoever reads it."""

import re

from playwright.sync_api import expect


def test_a_page_says_what_it_is(open_page):
    for language, code in (("zh", "zh-CN"), ("en", "en")):
        page = open_page(language)

        page.goto("/")

        expect(page.locator("html")).to_have_attribute("lang", code)
        expect(page.locator("h1")).to_have_count(1)
        expect(page).to_have_title(re.compile(r"\S · \S"))
