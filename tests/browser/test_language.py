"""Chinese and English: a page speaks one of them, and keeps to what was chosen."""

from playwright.sync_api import expect

from tests.browser.reading import strange_words

PATHS = ("/", "/catalogue", "/catalogue/INS-A", "/catalogue/INS-A/checkout", "/orders")


def test_a_choice_lasts_from_page_to_page(page, site, sign_in):
    site.give("WANG", 10_000)
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("h1")).to_contain_text("积分")

    sign_in(page)
    page.get_by_role("link", name="English").click()

    for path in PATHS:
        page.goto(path)
        expect(page.locator("html")).to_have_attribute("lang", "en")
        assert strange_words(page, "en") == [], path

    page.goto("/catalogue/INS-A?nothing=lost")
    page.get_by_role("link", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    assert "/catalogue/INS-A?nothing=lost" in page.url
    for path in PATHS:
        page.goto(path)
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        assert strange_words(page, "zh") == [], path


def test_who_reads_english_is_met_in_english(open_page):
    page = open_page("en")

    for path in ("/", "/catalogue", "/sign-in", "/no-such-page", "/console/sign-in"):
        page.goto(path)
        expect(page.locator("html")).to_have_attribute("lang", "en")
        assert strange_words(page, "en") == [], path
