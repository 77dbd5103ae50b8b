"""The sandbox's hosted payment page, in Chinese and English, without script."""

from collections.abc import Mapping
from html import escape
from string import Template
from typing import Any

from partners.sandbox.stripe_cards import DECLINED, SUCCEEDING

LANGUAGES = ("zh", "en")

_WORDS = {
    "zh": {
        "html_lang": "zh-Hans",
        "banner": "沙盒：只认测试卡，不会真的扣款",
        "pay_to": "付给积分商城",
        "heading": "银行卡付款",
        "number": "卡号",
        "expiry": "有效期（月/年）",
        "cvc": "安全码",
        "pay": "支付",
        "cancel": "取消，返回商家",
        "cards": "可以使用的测试卡",
        "cards_hint": "有效期填任意未来的月份，安全码填任意三位数字。",
        "succeeds": "付款成功",
        "expired_heading": "这个付款页面已经失效",
        "expired": "没有扣款。请回到商家重新发起付款。",
        "paid_heading": "已经付款",
        "paid": "这笔款项已经付清，不会再次扣款。",
        "on": "返回商家",
        "unknown_heading": "没有这个付款页面",
        "unknown": "请回到商家重新发起付款。",
    },
    "en": {
        "html_lang": "en",
        "banner": "Sandbox: only test cards are taken, no money moves",
        "pay_to": "Pay the points shop",
        "heading": "Pay by card",
        "number": "Card number",
        "expiry": "Expiry (month/year)",
        "cvc": "Security code",
        "pay": "Pay",
        "cancel": "Cancel and go back to the shop",
        "cards": "Test cards you can use",
        "cards_hint": "Any month in the future, and any three digits as security code.",
        "succeeds": "Succeeds",
        "expired_heading": "This payment page has expired",
        "expired": "Nothing was charged. Please start again from the shop.",
        "paid_heading": "Paid already",
        "paid": "This has been paid and will not be charged again.",
        "on": "Go back to the shop",
        "unknown_heading": "There is no such payment page",
        "unknown": "Please start again from the shop.",
    },
}
_REFUSALS = {
    "zh": {
        "incomplete": "请填写完整的卡号、有效期和安全码。",
        "no_test_card": "沙盒只接受下面列出的测试卡。没有扣款。",
        "past": "有效期已过。请检查有效期，或换一张卡。",
        "card_declined": "发卡行拒绝了这张卡。没有扣款，请换一张卡。",
        "insufficient_funds": "卡内余额不足。没有扣款，请换一张卡。",
        "expired_card": "这张卡已过期。没有扣款，请换一张卡。",
        "incorrect_cvc": "安全码不正确。没有扣款，请重新填写。",
        "processing_error": "处理时出错。没有扣款，请稍后再试。",
    },
    "en": {
        "incomplete": "Please give the whole card number, expiry and security code.",
        "no_test_card": "The sandbox takes the test cards below only."
        " Nothing was charged.",
        "past": "The expiry has passed. Please check it, or use another card.",
        "card_declined": "The bank declined the card. Nothing was charged;"
        " please use another card.",
        "insufficient_funds": "The card has insufficient funds. Nothing was charged;"
        " please use another card.",
        "expired_card": "The card has expired. Nothing was charged;"
        " please use another card.",
        "incorrect_cvc": "The security code is wrong. Nothing was charged;"
        " please type it again.",
        "processing_error": "Something went wrong on the way. Nothing was charged;"
        " please try again in a while.",
    },
}
_OUTCOMES = {
    "zh": {
        "card_declined": "被拒绝",
        "insufficient_funds": "余额不足",
        "expired_card": "卡已过期",
        "incorrect_cvc": "安全码不正确",
        "processing_error": "处理出错",
    },
    "en": {
        "card_declined": "Declined",
        "insufficient_funds": "Insufficient funds",
        "expired_card": "Expired card",
        "incorrect_cvc": "Wrong security code",
        "processing_error": "Processing error",
    },
}

STYLE = """\
:root {
  color-scheme: light dark;
  --ink: #1f2430; --soft: #5a6273; --paper: #ffffff; --wash: #f2f4f8;
  --rule: #d5dae3; --accent: #0b5fb0; --on-accent: #ffffff;
  --harm: #a3231f; --harm-wash: #fbeceb; --warm: #6b4a00; --warm-wash: #fff4d6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e8ebf2; --soft: #a7afbf; --paper: #171b24; --wash: #0f1219;
    --rule: #343b49; --accent: #7db8f5; --on-accent: #0d1420;
    --harm: #ff9d97; --harm-wash: #3a1c1b; --warm: #f3d78c; --warm-wash: #352a0e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--wash); color: var(--ink);
  font: 16px/1.6 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC",
    sans-serif;
}
.banner {
  background: var(--warm-wash); color: var(--warm); text-align: center;
  padding: 8px 16px; font-size: 14px;
}
main {
  max-width: 960px; margin: 0 auto; padding: 24px 16px 48px;
  display: grid; gap: 32px;
}
@media (min-width: 800px) {
  main { grid-template-columns: 2fr 3fr; padding-top: 64px; gap: 64px; }
}
h1 { font-size: 16px; font-weight: 500; color: var(--soft); margin: 0 0 8px; }
.sum { font-size: 40px; font-weight: 600; line-height: 1.2; margin: 0 0 16px;
  font-variant-numeric: tabular-nums; }
.what { margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 20px; margin: 0 0 16px; }
.sheet { background: var(--paper); border-radius: 12px; padding: 24px; }
label { display: block; font-size: 14px; color: var(--soft); margin-bottom: 4px; }
input {
  width: 100%; min-height: 48px; padding: 8px 12px; font: inherit; color: inherit;
  background: transparent; border: 1px solid var(--soft); border-radius: 8px;
  font-variant-numeric: tabular-nums;
}
.field { margin-bottom: 16px; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; }
button, .go {
  display: block; width: 100%; min-height: 48px; padding: 12px; font: inherit;
  font-weight: 600; text-align: center; text-decoration: none; cursor: pointer;
  border: 0; border-radius: 8px; background: var(--accent); color: var(--on-accent);
}
.back { display: block; text-align: center; padding: 12px; margin-top: 8px;
  color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.refusal { background: var(--harm-wash); color: var(--harm); padding: 12px 16px;
  border-radius: 8px; margin: 0 0 16px; }
.cards { margin-top: 24px; font-size: 14px; }
.cards h2 { font-size: 16px; margin: 0 0 4px; }
.cards p { margin: 0 0 8px; color: var(--soft); }
table { width: 100%; border-collapse: collapse; }
td { padding: 6px 0; border-top: 1px solid var(--rule); }
td + td { text-align: right; color: var(--soft); }
.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
"""

_LAYOUT = Template("""\
<!doctype html>
<html lang="$html_lang">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$title</title>
<link rel="stylesheet" href="/c/pay.css">
</head>
<body>
<div class="banner" role="note">$banner</div>
<main>
$body
</main>
</body>
</html>
""")
_FORM = Template("""\
<section aria-labelledby="what">
<h1 id="what">$pay_to</h1>
<p class="sum" id="amount">$sum</p>
<p class="what">$what</p>
</section>
<div>
<section class="sheet" aria-labelledby="how">
<h2 id="how">$heading</h2>
$refusal
<form method="post" action="$action" id="pay" autocomplete="off">
<div class="field">
<label for="number">$number</label>
<input id="number" name="number" inputmode="numeric" maxlength="30" required
  placeholder="0000 0000 0000 0000"$described>
</div>
<div class="two">
<div class="field">
<label for="expiry">$expiry</label>
<input id="expiry" name="expiry" inputmode="numeric" maxlength="9" required
  placeholder="12 / 34">
</div>
<div class="field">
<label for="cvc">$cvc</label>
<input id="cvc" name="cvc" inputmode="numeric" maxlength="4" required
  placeholder="123">
</div>
</div>
<button type="submit" id="submit">$pay $sum</button>
</form>
$back
</section>
<section class="cards" aria-labelledby="cards">
<h2 id="cards">$cards</h2>
<p>$cards_hint</p>
<table>
$rows
</table>
</section>
</div>
""")
_END = Template("""\
<section class="sheet" aria-labelledby="end">
<h1 id="end">$heading</h1>
<p class="sum">$sum</p>
<p>$sentence</p>
$back
</section>
""")


def form(session: Mapping[str, Any], *, what: str, refused: str | None) -> str:
    """Return the page on which a session is paid; what was typed is not repeated."""
    language = language_of(session)
    words = _WORDS[language]
    refusal = ""
    if refused is not None:
        sentence = escape(_REFUSALS[language][refused])
        refusal = f'<p class="refusal" role="alert" id="refusal">{sentence}</p>'
    body = _FORM.substitute(
        words,
        sum=_sum(session),
        what=escape(what),
        refusal=refusal,
        described=' aria-describedby="refusal" autofocus' if refused else "",
        action=f"/c/pay/{escape(session['id'])}",
        back=_link(session["cancel_url"], words["cancel"], css="back"),
        rows="\n".join(_rows(language)),
    )
    return _page(language, f"{words['heading']} {_sum(session)}", body)


def end(session: Mapping[str, Any]) -> str:
    """Return the page of a session that is over."""
    language = language_of(session)
    words = _WORDS[language]
    how = "paid" if session["status"] == "complete" else "expired"
    url = session["success_url"] if how == "paid" else session["cancel_url"]
    body = _END.substitute(
        heading=words[f"{how}_heading"],
        sum=_sum(session),
        sentence=words[how],
        back=_link(landing(url, session), words["on"], css="go"),
    )
    return _page(language, words[f"{how}_heading"], body)


def unknown() -> str:
    """Return the page of a session there never was, in both languages."""
    words = _WORDS["zh"], _WORDS["en"]
    heading = " / ".join(each["unknown_heading"] for each in words)
    sentences = "<br>".join(each["unknown"] for each in words)
    body = _END.substitute(heading=heading, sum="", sentence=sentences, back="")
    return _page("zh", heading, body)


def landing(url: str | None, session: Mapping[str, Any]) -> str | None:
    """Return an address with the session's name where its place was kept."""
    return url and url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def language_of(session: Mapping[str, Any]) -> str:
    """Return the language of a session's page: English, unless it asks for Chinese."""
    return "zh" if str(session["locale"] or "").startswith("zh") else "en"


def _page(language: str, title: str, body: str) -> str:
    words = _WORDS[language]
    return _LAYOUT.substitute(words, title=escape(title), body=body)


def _link(url: str | None, words: str, *, css: str) -> str:
    if url is None:
        return ""
    return f'<a class="{css}" id="back" href="{escape(url)}">{escape(words)}</a>'


def _sum(session: Mapping[str, Any]) -> str:
    yuan, fen = divmod(session["amount_total"], 100)
    sign = "¥" if session["currency"] == "cny" else session["currency"].upper() + " "
    return f"{sign}{yuan:,}.{fen:02}"


def _rows(language: str) -> list[str]:
    succeeding = [
        (number, f"{_WORDS[language]['succeeds']} · {brand}")
        for number, brand in SUCCEEDING.items()
    ]
    declined = [
        (number, _OUTCOMES[language][outcome]) for number, outcome in DECLINED.items()
    ]
    return [
        f'<tr><td class="number">{_grouped(number)}</td><td>{outcome}</td></tr>'
        for number, outcome in [*succeeding, *declined]
    ]


def _grouped(number: str) -> str:
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))
