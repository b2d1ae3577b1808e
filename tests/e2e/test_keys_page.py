"""The page of keys in a real browser (Chromium)."""

import json

import pytest

from peers.base import wait_until
from peers.browser import Browser
from test_page import address, browser, keep_screenshot, no_overflow, token_of  # noqa: F401
from test_key_life import STORAGE, store_some


@pytest.fixture
def gateway(relaying, sink):
    relaying.dkim("ed", "dkim_key", "ed25519-sha256")
    relaying.start()
    relaying.certificate_of("bob@postern.example")
    return relaying


def open_keys(gateway, browser, token=None):  # noqa: F811
    browser.open(address(gateway).rstrip("/") + "/keys#token=" + (token_of(gateway) if token is None else token))


def card(browser, name) -> str:  # noqa: F811
    return browser.text(f'[data-key="{name}"]')


def await_card(browser, name, words) -> str:  # noqa: F811
    return browser.await_text(words, f'[data-key="{name}"]')


def press_rotate(browser, name):  # noqa: F811
    browser.run(f"""document.querySelector('[data-key="{name}"] button').click()""")


def test_keys_with_age_use_and_next_rotation(gateway, browser):  # noqa: F811
    store_some(gateway, 3)
    browser.size(1280)
    open_keys(gateway, browser)
    shown = await_card(browser, STORAGE, "Next rotation")
    assert "stored mail" in shown and "v1" in shown and "of 4,294,967,296" in shown and "1 version" in shown
    assert browser.run(f"""document.querySelector('[data-key="{STORAGE}"] meter').max""") == 2 ** 32
    assert "open" in browser.text("#engine") and "next rotation" in browser.text("#engine")
    assert browser.run("document.querySelector('nav [aria-current]').textContent") == "Keys"
    assert "PRIVATE" not in browser.run("document.documentElement.outerHTML")
    more = browser.text("#more")
    assert "more: keys of people" in more and card(browser, "pki_root_key") == "", "folded"
    keep_screenshot(browser, "keys")
    for width in (1280, 400, 360):
        for dark in (False, True):
            browser.size(width, dark=dark)
            assert no_overflow(browser), (width, dark)


def test_rotating_from_the_page_asks_first(gateway, browser):  # noqa: F811
    store_some(gateway, 5)
    open_keys(gateway, browser)
    await_card(browser, STORAGE, "Rotate")
    press_rotate(browser, STORAGE)
    assert f"Rotate {STORAGE}?" in browser.text("#ask")
    keep_screenshot(browser, "keys-ask")
    browser.run("document.querySelector('#ask button').click()")  # Cancel
    assert browser.text("#ask") == "" and gateway.api_json("GET", f"/keys/{STORAGE}")["latest_version"] == 1
    press_rotate(browser, STORAGE)
    browser.run("document.getElementById('ask-go').click()")
    browser.await_text(f"{STORAGE} has version 2", "#acted")
    await_card(browser, STORAGE, "all done: 5 of 5 messages under version 2")
    assert "2 versions" in card(browser, STORAGE)
    assert gateway.api_json("GET", f"/keys/{STORAGE}")["latest_version"] == 2
    press_rotate(browser, "dkim_key")
    browser.run("document.getElementById('ask-go').click()")
    shown = await_card(browser, "dkim_key", "announced")
    assert "ed-v2._domainkey.postern.example IN TXT" in shown
    keep_screenshot(browser, "keys-after")
    assert no_overflow(browser)
    browser.size(400)
    assert no_overflow(browser), "a DNS record is a long word"


def test_a_delegated_selector_is_told_with_the_place_of_its_record(relaying, browser):  # noqa: F811
    relaying.dkim("s1", "dkim_key", "ed25519-sha256")
    relaying.config["dkim"][-1] |= {"delegate": "keys.provider.example"}
    relaying.start()
    relaying.cli("key", "rotate", "dkim_key")
    open_keys(relaying, browser)
    shown = await_card(browser, "dkim_key", "announced")
    assert "s1-v2.postern.example.keys.provider.example IN TXT" in shown and "s1-v2._domainkey.postern.example IN TXT" not in shown, shown
    assert "s1-v2._domainkey.postern.example IN CNAME s1-v2.postern.example.keys.provider.example" in shown, shown


def test_what_was_overtaken_is_to_be_taken_out(gateway, browser):  # noqa: F811
    for _ in range(2):
        gateway.cli("key", "rotate", "dkim_key")
    open_keys(gateway, browser)
    shown = await_card(browser, "dkim_key", "Take the TXT record of version 2 out of DNS now")
    assert "ed-v2._domainkey.postern.example" in shown and "ed-v3._domainkey.postern.example IN TXT" in shown, shown
    browser.size(400)
    assert no_overflow(browser)


def test_the_page_wants_the_token(gateway, browser):  # noqa: F811
    open_keys(gateway, browser, "wrong")
    browser.await_text("That token was not accepted", "#login")
    assert browser.text("main") == ""
    browser.run(f"document.getElementById('token').value = '{token_of(gateway)}'; document.querySelector('#token-form button').click()")
    await_card(browser, STORAGE, "Next rotation")
    assert browser.text("#login") == ""


def test_a_failed_rotation_is_said(gateway, browser):  # noqa: F811
    open_keys(gateway, browser)
    await_card(browser, "api_hmac_key", "Rotate")
    browser.run("""fetch = ((real) => (path, options) => options && options.method === 'POST'
        ? Promise.resolve(new Response(JSON.stringify({detail: 'the engine is sealed'}), {status: 503})) : real(path, options))(fetch)""")
    press_rotate(browser, "api_hmac_key")
    browser.run("document.getElementById('ask-go').click()")
    browser.await_text("was not rotated: the engine is sealed", "#acted")


def test_hostile_names_stay_text(gateway, browser):  # noqa: F811
    gateway.cli("key", "create", "x.y-z", "--type", "hmac")
    open_keys(gateway, browser)
    await_card(browser, STORAGE, "Next rotation")
    browser.run("document.getElementById('more').open = true")
    await_card(browser, "x.y-z", "not the mail system's")
    markup = browser.run("document.documentElement.outerHTML")
    assert "style=" not in markup and "onclick" not in markup
    assert json.dumps(browser.run("document.images.length")) == "0"
    assert wait_until(lambda: browser.run("document.title") == "Postern", "the title")
