"""Whether a page can be read, heard and used by everybody: by axe-core's rules, by keyboard alone, on a phone."""

import pathlib
import re

from webdriver import Browser

HERE = pathlib.Path(__file__).parent

#: What the pages have promised to keep to.
PROMISED = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]

#: Which rules there are, and which of them depend on the colours, and so on the theme.
EVERYTHING, COLOURS = [*PROMISED, "best-practice"], ["cat.color"]

#: How bad a barrier must be to be a failure.
GRAVE = ["serious", "critical"]

#: WebDriver's Tab key.
TAB = "\ue004"

#: Whatever the keyboard must reach: of a group of radio buttons one, of a closed part nothing.
REACHABLE = """
    const seen = new Set();
    return [...document.querySelectorAll(
        'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')]
        .filter(part => part.checkVisibility() && !part.disabled)
        .filter(part => part.type !== 'radio' || !seen.has(part.name) && seen.add(part.name))
        .map(part => part.type === 'radio' ? 'radio ' + part.name : part.outerHTML.slice(0, 160));
"""

#: Notes what the focus comes to, and what does not show that it has it.
WATCH = """
    window.reached = []; window.unseen = [];
    document.addEventListener('focusin', event => {
        const part = event.target, style = getComputedStyle(part);
        const name = part.type === 'radio' ? 'radio ' + part.name : part.outerHTML.slice(0, 160);
        window.reached.push(name);
        if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2) window.unseen.push(name);
    });
    document.activeElement.blur();
"""


def kind(address: str) -> str:
    """What the pages have in common that differ only in what they are about."""
    path, _, query = address.partition("?")
    path = re.sub(r"/i-[0-9a-f]+", "/ID", path)
    path = re.sub(r"^(/console/environments)/(?!new$)[^/]+", r"\1/NAME", path)
    fields = {field.partition("=")[0] for field in query.split("&") if field}
    return path + "".join(f"?{field}" for field in sorted(fields))


#: Pages of a kind that are looked at: one may be of what is gone.
OF_A_KIND = 3


def crawl(browser: Browser) -> dict[str, list[str]]:
    """Follows the links of the pages: some addresses of each kind of page."""
    found, ahead = {}, ["/console"]
    while ahead:
        address = ahead.pop(0)
        alike = found.setdefault(kind(address), [])
        if address in alike or len(alike) == OF_A_KIND:
            continue
        alike.append(address)
        browser.open(address)
        links = browser.run("return [...document.querySelectorAll('a[href]')].map(link => link.href.split('#')[0])")
        links = [link.removeprefix(browser.home) for link in links]
        # Language and region are chosen on every page alike.
        ahead += [link for link in links if link.startswith("/console") and not re.search(r"[?&](lang|region)=", link)]
    return found


def violations(browser: Browser, tags: list[str] = EVERYTHING) -> tuple[list[str], list[str]]:
    """What axe-core's rules of these tags find wrong with the page: the grave and promised, and in short the rest."""
    options = {"resultTypes": ["violations"], "runOnly": tags}
    found = browser.run(
        """
        return axe.run(document, arguments[0]).then(result => result.violations.map(one => ({
            id: one.id, impact: one.impact, tags: one.tags, help: one.help,
            nodes: one.nodes.map(node => `${node.html.slice(0, 200)} ${node.failureSummary}`),
        })))
        """,
        options,
    )
    grave, rest = [], []
    for one in found:
        said = f"{one['id']} ({one['impact']}): {one['help']}"
        if one["impact"] in GRAVE and set(one["tags"]) & set(PROMISED):
            grave.append(f"{said}: {'; '.join(one['nodes'])}")
        else:
            rest.append(said)
    return grave, rest


class Inspected:
    """axe-core in every page, for as long as this is entered. The pages themselves allow no script but their own."""

    def __init__(self, browser: Browser):
        self.browser = browser

    def __enter__(self) -> None:
        source = (HERE / "axe-core/axe.min.js").read_text()
        self.script = self.browser.command("Page.addScriptToEvaluateOnNewDocument", source=source)["identifier"]

    def __exit__(self, *_) -> None:
        self.browser.command("Page.removeScriptToEvaluateOnNewDocument", identifier=self.script)


def keyboard(browser: Browser) -> list[str]:
    """What is wrong for whoever has no mouse: what Tab does not reach, and what does not show that it is there."""
    wanted = browser.run(REACHABLE)
    browser.run(WATCH)
    browser.press(*[TAB] * (len(wanted) + 1))
    reached, unseen = browser.run("return [window.reached, window.unseen]")
    return [f"not reached: {part}" for part in wanted if part not in reached] + [
        f"does not show the focus: {part}" for part in dict.fromkeys(unseen)
    ]


def too_wide(browser: Browser) -> list[str]:
    """What makes a page scroll sideways."""
    return browser.run(
        """
        if (document.scrollingElement.scrollWidth <= innerWidth) return [];
        return [...document.querySelectorAll('body *')]
            .filter(part => part.getBoundingClientRect().right > innerWidth + 1 && !part.closest('.scroll, pre'))
            .map(part => `${Math.round(part.getBoundingClientRect().right)} px: ${part.outerHTML.slice(0, 120)}`)
            .slice(0, 5).concat([`the page is ${document.scrollingElement.scrollWidth} px wide`]);
        """
    )
