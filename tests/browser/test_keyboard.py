"""Everything can be done by keyboard, and one sees where one is."""

from playwright.sync_api import expect

from tests.journeys.conftest import WANG

_STEPS_MAX = 60
_INSURED_ID = "11010519491231002X"
_FOCUS = """() => {
  const here = document.activeElement;
  const styles = [getComputedStyle(here), getComputedStyle(here, "::after")];
  return {
    id: here.id, name: here.getAttribute("name"), href: here.getAttribute("href"),
    shown: styles.some(
      (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
    ),
  };
}"""


def walk_to(page, **wanted):
    """Press Tab until something has the focus; all on the way there is visible."""
    for _ in range(_STEPS_MAX):
        page.keyboard.press("Tab")
        here = page.evaluate(_FOCUS)
        if here["id"] or here["name"] or here["href"]:
            assert here["shown"], f"one cannot see that one is at {here}"
        if all(here[name] == value for name, value in wanted.items()):
            return
    raise AssertionError(f"no way to {wanted} on {page.url}")


def test_from_signing_in_to_the_policy_without_a_mouse(page, site):
    site.give("WANG", 2_500)
    keys = page.keyboard

    page.goto("/")
    walk_to(page, href="/sign-in")
    keys.press("Enter")
    page.wait_for_url("**/sign-in")
    walk_to(page, name="msisdn")
    keys.type(WANG)
    keys.press("Enter")
    code = page.locator("[name=code]")
    expect(code).to_be_focused()
    keys.type(site.code_to(WANG))
    keys.press("Enter")
    page.wait_for_url(lambda address: "/sign-in" not in address)

    walk_to(page, href="/catalogue")
    keys.press("Enter")
    page.wait_for_url("**/catalogue")
    walk_to(page, href="/catalogue/INS-A")
    keys.press("Enter")
    page.wait_for_url("**/catalogue/INS-A")
    walk_to(page, id="way-points")
    keys.press("Enter")
    page.wait_for_url("**/checkout?*")
    walk_to(page, name="insured_name")
    keys.press("Control+A")
    keys.type("王芳")
    walk_to(page, name="insured_id")
    keys.type(_INSURED_ID)
    walk_to(page, name="consent")
    keys.press("Space")
    walk_to(page, id="send-code")
    keys.press("Enter")
    expect(code).to_be_focused()
    keys.type(site.code_to(WANG))
    walk_to(page, id="confirm")
    keys.press("Enter")
    page.wait_for_url("**/orders/*")

    expect(page.locator("h1")).to_contain_text("保障已生效")
    assert site.points_of("WANG") == 0


def test_the_first_step_leads_past_the_menu(page):
    page.goto("/catalogue")

    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_attribute("href", "#main")
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()
