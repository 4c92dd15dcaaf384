"""Every page of the console, as found by following links: for everybody, in both languages and themes, on a phone."""

import contextlib
import json
import re
from collections.abc import Callable

import barriers
from story import ASK, Person, equal, running
from terminal import SCRATCH, Terminal
from webdriver import WIDTH, Browser

#: What of the console there is at least, each with a way to it. The console may have more.
KINDS = {
    "/console",
    "/console/instances",
    "/console/instances/launch",
    "/console/instances/ID",
    "/console/instances/ID/metadata",
    "/console/instances/ID/commands",
    "/console/instances/ID/calls",
    "/console/instances/ID/metadata-options",
    "/console/instances/ID/allow-tags",
    "/console/defaults",
    "/console/defaults/edit",
    "/console/environments",
    "/console/environments/new",
    "/console/environments/NAME",
    "/console/environments/NAME/configuration",
    "/console/environments/NAME/configuration/instances",
}

#: Addresses that no link leads to: what is not there.
ASTRAY = ["/console/nothing", "/console/instances/i-00000000000000000", "/console/environments/nothing"]

#: What a guest may call itself and a tag may hold, in the hope that a page takes it for its own.
HOSTILE = '"><svg/onload=alert(1)>'

LANGUAGES = ("en", "ja")
#: A phone's width.
PHONE = 375


@contextlib.contextmanager
def inhabited(browser: Browser):
    """A service where something has happened: an environment, an instance that is gone, one that was refused and lied
    to; gives the id of that."""
    with running("imds serve --environment-delay 100ms"):
        terminal = Terminal()
        run = terminal.run
        run("imds environment create web-env --single")
        run("imds environment set web-env --imdsv1 enabled")
        run(f"imds exec --environment web-env -- {ASK}")
        options = f"--metadata-version v2 --tag Name=riddle --tag 'Team={HOSTILE}'"
        id = re.search("i-[0-9a-f]{17}", run(f"imds instance launch {options}"))[0]
        run(f"imds exec {id} -- {ASK}")
        run(f"imds exec {id} -- imds get instance-id")
        run(f"imds exec {id} -- {ASK} -A '{HOSTILE}'")
        gone = re.search("i-[0-9a-f]{17}", run("imds instance launch"))[0]
        run(f"imds instance terminate {gone}")
        terminal.end()
        browser.prefers("en")
        yield id


def every_page_is_for_everybody(browser: Browser) -> None:
    """All that is looked at on each page; what was found is told together."""
    with inhabited(browser) as id:
        browser.complaints()
        found = barriers.crawl(browser)
        equal("pages without a way to them", sorted(KINDS - found.keys()), [])
        # A script that a page had taken over would be refused, and complained about.
        for address in (f"/console/instances/{id}", f"/console/instances/{id}/calls"):
            browser.open(address)
            browser.shows(HOSTILE)
        equal("complaints of the browser", browser.complaints(), [])
        addresses = [*(address for alike in found.values() for address in alike), *ASTRAY]
        grave, lesser = [], set()
        for language in LANGUAGES:
            browser.open(f"/console?lang={language}")
            with barriers.Inspected(browser):
                for address in addresses:
                    browser.open(address)
                    equal(f"the language of {address}", browser.run("return document.documentElement.lang"), language)
                    found_here, lesser_here = seen(browser)
                    grave += [f"{language} {address}: {one}" for one in found_here]
                    lesser |= {f"{barriers.kind(address)}: {one}" for one in lesser_here}
            for one in refused(Person(browser, language)):
                grave.append(f"{language}, where something was refused: {one}")
        for one in sorted(lesser):
            print(f"to be thought about: {one}")
        if grave:
            raise AssertionError("\n".join([f"{len(grave)} barriers", *grave]))


def refused(person: Person) -> list[str]:
    """What is wrong with a form that comes back."""
    browser = person.browser
    with barriers.Inspected(browser):
        browser.open("/console/environments/new")
        browser.find("text field", person.word("Application name")).type("shop")
        browser.find("text field", person.word("Environment name")).type("web-env")
        person.push("Create environment")
        browser.shows("Environment web-env already exists.")
        return seen(browser)[0]


def seen(browser: Browser) -> tuple[list[str], list[str]]:
    """What is wrong with the page as it is now, and what of it is no barrier."""
    grave, lesser = [], []
    for theme, tags in (("dark", barriers.COLOURS), ("light", barriers.EVERYTHING)):
        browser.theme(theme)
        found = barriers.violations(browser, tags)
        grave += [f"in {theme}: {one}" for one in found[0]]
        lesser += found[1]
    grave += barriers.keyboard(browser)
    browser.width(PHONE)
    grave += [f"scrolls sideways: {part}" for part in barriers.too_wide(browser)]
    browser.width(WIDTH)
    return grave, lesser


def settings_change_without_script(browser: Browser) -> None:
    """The box of the environment and the instance's options, with scripts off."""
    person = Person(browser, "en", has_scripts=False)
    with running("imds serve --environment-delay 100ms"):
        browser.scripts(False)
        browser.open("data:text/html,<title>off</title><script>document.title = 'on'</script>")
        equal("scripts", browser.title, "off")
        try:
            person.make_with_imds()
            old = person.log_in()
            person.untick()
            person.answered(old)
            id = person.launch()
            person.terminal.enter(f"imds exec {id} -- sh")
            person.refused()
            person.understand()
            person.modify()
            equal("the id without a token", person.terminal.run(ASK), id)
            person.terminal.leave()
        finally:
            browser.scripts(True)
    person.terminal.end()


def one_signs_in_and_out(browser: Browser) -> None:
    """Where signatures are verified: nobody is let in, the address of `imds console` lets its owner in, once."""
    state = SCRATCH / "guarded"
    terminal = Terminal()
    key = json.loads(terminal.run(f"imds keys add --state {state} --user ann --json"))
    with running(f"imds serve --state {state} --auth sigv4"), barriers.Inspected(browser):
        terminal.run(f"export AWS_ACCESS_KEY_ID={key['AccessKeyId']} AWS_SECRET_ACCESS_KEY={key['SecretAccessKey']}")
        for language in LANGUAGES:
            person = Person(browser, language)
            browser.prefers(language)
            looks = {}
            for address in ("/console", "/console/instances"):
                browser.open(address)
                browser.shows("imds console")
                looks[address] = seen(browser)[0]
            address = terminal.run("imds console").strip()
            browser.open(address)
            browser.shows(key["AccessKeyId"])
            looks["sign in"] = seen(browser)[0]
            person.push("Sign in")
            browser.find("heading", person.word("Dashboard"))
            looks["signed in"] = seen(browser)[0]
            browser.open("/console/instances/launch")
            browser.find("heading", person.word("Launch an instance"))
            browser.find("button", person.word("Sign out")).click()
            browser.until("the way back in", lambda: "/console/enter" in browser.path)
            looks["signed out"] = seen(browser)[0]
            browser.open(address)
            looks["used"] = seen(browser)[0]
            equal("an address that was used leads in", person.word("Sign in") in browser.names("button"), False)
            equal(f"what is wrong in {language}", {where: wrong for where, wrong in looks.items() if wrong}, {})
    terminal.end()


def the_browsers_language_is_spoken(browser: Browser) -> None:
    """Until another is chosen on a page, which then stays."""
    with running("imds serve"):
        for languages, chosen, other in (("ja,en;q=0.5", "ja", "English"), ("en-GB,en", "en", "日本語")):
            browser.prefers(languages)
            browser.open("/console")
            equal("the language", browser.run("return document.documentElement.lang"), chosen)
            browser.find("link", other).click()
            browser.open("/console/instances")
            equal("what was chosen", browser.run("return document.documentElement.lang") == chosen, False)


def nothing_else_is_reached(browser: Browser) -> None:
    """The browser of this check has loopback and nothing else."""
    for address in ("http://example.com/", "http://192.0.2.1/", "http://169.254.169.254/"):
        try:
            browser.open(address)
        except Exception as error:
            assert "net::ERR_" in str(error), error
        else:
            raise AssertionError(f"{address} was reached")


def barriers_are_found(browser: Browser) -> None:
    """An image without words, text that is pale or too wide, a button that Tab passes by: put into a page, found."""
    with running("imds serve"), barriers.Inspected(browser):
        browser.open("/console")
        equal("what is wrong", seen(browser)[0], [])
        bad = """<img src="/console/assets/icon.svg"><p><span class="badge">${'wide '.repeat(99)}</span></p>
            <button tabindex="-1">Passed by</button><p class="button primary"><span class="quiet">Pale</span></p>"""
        browser.run(f"document.querySelector('main').insertAdjacentHTML('beforeend', `{bad}`)")
        found = "\n".join(seen(browser)[0])
        pale = ("in dark: color-contrast", "in light: color-contrast")
        for what in ("image-alt", *pale, "not reached: <button tabindex", "scrolls sideways"):
            assert what in found, f"{what} is not in: {found}"


CASES: list[tuple[str, Callable[[Browser], None]]] = [
    ("nothing but loopback is reached", nothing_else_is_reached),
    ("the browser's language, until another is chosen", the_browsers_language_is_spoken),
    ("one signs in and out", one_signs_in_and_out),
    ("what is in somebody's way is found", barriers_are_found),
    ("the settings change without script", settings_change_without_script),
    ("every page is for everybody", every_page_is_for_everybody),
]
