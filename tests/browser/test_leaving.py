"""Who has left comes back to the site, and reads and keeps what became void."""

from datetime import timedelta

import pytest

from loyalty.clock import now
from tests.browser.conftest import DESK
from tests.browser.reading import accessibility_faults, strange_words, too_wide
from tests.journeys.conftest import PARTNERS, WANG

NAMES = (*(name for _, _, name in PARTNERS), "客户WANG")
NARROW = {"width": 360, "height": 740}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_leaving_did_can_be_read_and_kept(language, site, open_page, sign_in):
    site.give("WANG", 1_234)
    site.give("WANG", 56, unit="UNI")
    day = (now().date() - timedelta(days=2)).isoformat()
    site.programme.event("E-1", WANG, "ported_out", day, "voluntary")
    page = open_page(language, size=DESK)
    sign_in(page)

    page.click("a[href='/leaving']")
    page.wait_for_url("**/leaving")

    assert "1,290" in page.inner_text("main")
    faults = accessibility_faults(page) + strange_words(page, language, names=NAMES)
    page.emulate_media(color_scheme="dark")
    faults += accessibility_faults(page, "color-contrast")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(NARROW)
    faults += too_wide(page)
    assert faults == []
    with page.expect_download() as kept:
        page.click("a[href='/leaving.csv']")
    assert kept.value.suggested_filename == f"jifen-leaving-{day}.csv"
