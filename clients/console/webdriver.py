"""A browser, driven as a person would: Debian's Chromium, through its chromedriver and the WebDriver protocol.

Controls are found by what they are and what they are called, as a screen reader tells them, so a wrong label is a
failure.
"""

import contextlib
import http.client
import json
import pathlib
import re
import subprocess
import time

import picture

#: A screen's width and height, and what is left around a part of it.
WIDTH, SCREEN, MARGIN = 1280, 900, 36

#: How long anything may take to appear.
PATIENCE = 20

#: Where each kind of control is looked for.
KINDS = {
    "link": "a[href]",
    "button": "button",
    "check box": "input[type=checkbox]",
    "radio button": "input[type=radio]",
    "list": "select",
    "text field": "input:not([type]), input[type=text], textarea",
    "summary": "summary",
    "heading": "h1, h2, h3",
}

#: Nothing but this machine's loopback, twice over: the check's network has nothing else either.
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

#: How WebDriver marks an element in JSON.
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Refused(Exception):
    """What the driver answered instead: `no such element`, `stale element reference` …"""


class Driver:
    """chromedriver, on a free port."""

    def __init__(self, log: pathlib.Path):
        with open(log, "w") as file:
            command = ["chromedriver", "--port=0"]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True)
        for line in self.process.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                self.port = int(found[1])
                return
        raise AssertionError("chromedriver does not start")

    def end(self) -> None:
        """Ends it, once its browsers have ended."""
        self.process.terminate()
        self.process.wait(10)


class Browser:
    """A window of a browser that knows nothing yet."""

    def __init__(self, driver: Driver, profile: pathlib.Path, home: str):
        self.port, self.home, self.session = driver.port, home, ""
        options = {"binary": "/usr/bin/chromium", "args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self._ask("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/{made['sessionId']}"
        self.width(WIDTH)

    def end(self) -> None:
        """Closes it."""
        self._ask("DELETE", "")

    def _ask(self, method: str, path: str, body: dict | None = None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            text = json.dumps(body or {}) if method == "POST" else None
            connection.request(method, f"/session{self.session}{path}", text, {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        if isinstance(value, dict) and "error" in value:
            raise Refused(f"{value['error']}: {value['message']}")
        return value

    # Where it is.

    def open(self, path: str) -> None:
        """Goes to a page, as by typing its address."""
        self._ask("POST", "/url", {"url": path if ":" in path else self.home + path})

    def reload(self) -> None:
        """Asks for the page anew."""
        self._ask("POST", "/refresh")

    @property
    def path(self) -> str:
        """Where it is: the path and the query."""
        return self._ask("GET", "/url").removeprefix(self.home)

    @property
    def title(self) -> str:
        """The page's title."""
        return self._ask("GET", "/title")

    @property
    def text(self) -> str:
        """What the page shows, less what is around every page."""
        return self.run("return (document.querySelector('main') || document.body).innerText")

    def complaints(self) -> list[str]:
        """What the browser has complained about since it was asked: refused scripts, missing files."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    # What is on the page.

    def find(self, kind: str, name: str, within: str = "") -> "Control":
        """The one control of this kind and name; it may take a while to appear. `within`: a CSS selector."""
        return self.until(f"the {kind} '{name}'", lambda: self._find(kind, name, within))

    def _find(self, kind: str, name: str, within: str) -> "Control | None":
        selector = ", ".join(f"{within} {part}" for part in KINDS[kind].split(", "))
        found = self._ask("POST", "/elements", {"using": "css selector", "value": selector})
        named = [
            control
            for control in (Control(self, kind, name, element[ELEMENT]) for element in found)
            if control.label() == name and control.is_shown()
        ]
        if len(named) > 1:
            raise AssertionError(f"{len(named)} of the kind {kind} are called '{name}' at {self.path}")
        return named[0] if named else None

    def names(self, kind: str) -> list[str]:
        """What the controls of this kind are called."""
        found = self._ask("POST", "/elements", {"using": "css selector", "value": KINDS[kind]})
        return [Control(self, kind, "", element[ELEMENT]).label() for element in found]

    def until(self, what: str, ask):
        """What `ask` says, once that is something."""
        end = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(Refused):
                if said := ask():
                    return said
            if time.monotonic() > end:
                raise AssertionError(f"{what} does not appear at {self.path}:\n{self.text}")
            time.sleep(0.1)

    def shows(self, *texts: str) -> None:
        """Each text is on the page, or soon will be."""
        for text in texts:
            self.until(f"'{text}'", lambda text=text: text in self.text)

    def press(self, *keys: str) -> None:
        """Presses keys one after the other."""
        actions = [{"type": move, "value": key} for key in keys for move in ("keyDown", "keyUp")]
        self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def run(self, script: str, *arguments):
        """What a script of the test's own returns; a promise is waited for."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    # What surrounds it.

    def command(self, name: str, **parameters):
        """A command of Chromium's own protocol."""
        return self._ask("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def width(self, pixels: int) -> None:
        """The window's width."""
        size = {"width": pixels, "height": SCREEN, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", **size)

    def theme(self, name: str) -> None:
        """What its user prefers: `light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.command("Emulation.setEmulatedMedia", features=features)

    def scripts(self, are_on: bool) -> None:
        """Whether pages may run scripts, from the next one on."""
        self.command("Emulation.setScriptExecutionDisabled", value=not are_on)

    def prefers(self, languages: str) -> None:
        """The languages of its user, as `Accept-Language` has them; forgets what was chosen on pages."""
        self.command("Network.clearBrowserCookies")
        agent = self.run("return navigator.userAgent")
        self.command("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=languages)

    def screenshot(self, file: pathlib.Path, part: "Control | None" = None) -> None:
        """Keeps what the page looks like, or from a part of it on, for as far as it has content or a screen."""
        self.run("document.activeElement.blur(); scrollTo(0, 0)")
        left = top = 0
        if part:
            corner = "const at = arguments[0].getBoundingClientRect(); return [at.left, at.top]"
            left, top = (edge - MARGIN for edge in self.run(corner, part.reference))
        below = "[...document.querySelectorAll('main > *')].map(part => part.getBoundingClientRect().bottom)"
        height = min(self.run(f"return Math.max(320, ...{below})") + MARGIN - top, SCREEN)
        clip = {"x": int(left), "y": int(top), "width": int(WIDTH - left), "height": int(height), "scale": 1}
        taken = self.command("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        picture.keep(self, taken["data"], file)


class Control:
    """Something on a page that can be used."""

    def __init__(self, browser: Browser, kind: str, name: str, element: str):
        self.browser, self.kind, self.name, self.element = browser, kind, name, element
        #: As the driver names it in JSON.
        self.reference = {ELEMENT: element}

    def _ask(self, method: str, what: str, body: dict | None = None):
        return self.browser._ask(method, f"/element/{self.element}{what}", body)

    def label(self) -> str:
        """What a screen reader calls it."""
        return " ".join(self._ask("GET", "/computedlabel").split())

    def is_shown(self) -> bool:
        """Is it there to be seen? Not in a closed part, nor hidden."""
        return self._ask("GET", "/displayed")

    def is_ticked(self) -> bool:
        """Is the box ticked, the button chosen?"""
        return self._ask("GET", "/selected")

    def click(self) -> None:
        """Clicks it."""
        self._ask("POST", "/click")

    def unfold(self) -> None:
        """Opens the part that it names, if that is closed."""
        if not self.browser.run("return arguments[0].parentElement.open", self.reference):
            self.click()

    def tick(self, is_ticked: bool) -> None:
        """Ticks the box, or unticks one that is ticked."""
        if self.is_ticked() == is_ticked:
            raise AssertionError(f"'{self.name}' is {'' if is_ticked else 'not '}ticked already")
        self.click()

    def type(self, text: str) -> None:
        """Types a text in the place of what is there."""
        self._ask("POST", "/clear")
        self._ask("POST", "/value", {"text": text})

    def choose(self, option: str) -> None:
        """Chooses one from a list by its text."""
        found = self._ask("POST", "/elements", {"using": "css selector", "value": "option"})
        options = [Control(self.browser, "option", "", element[ELEMENT]) for element in found]
        for one in options:
            if one.words() == option:
                return one.click()
        raise AssertionError(f"'{self.name}' has no '{option}', only {[one.words() for one in options]}")

    def words(self) -> str:
        """Its text."""
        return " ".join(self.browser.run("return arguments[0].textContent", self.reference).split())

    def chosen(self) -> str:
        """The text of the option that is chosen."""
        script = "return arguments[0].selectedOptions[0].textContent"
        return " ".join(self.browser.run(script, self.reference).split())
