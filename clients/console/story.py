"""The story, as its two pages in docs/ tell it: a terminal and a browser, by an ordinary user, in either language.

The English one makes its environment with `eb`, the Japanese one with `imds environment create`. Every command of the
pages is run, and nothing else.
"""

import contextlib
import functools
import pathlib
import re
from collections.abc import Callable

from terminal import SCRATCH, Service, Terminal
from webdriver import Browser, Control

HERE = pathlib.Path(__file__).parent

SERVE = "imds serve --environment-delay 2s"
ENDPOINT = (
    "export AWS_ENDPOINT_URL=http://127.0.0.1:1339 AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any "
    "AWS_DEFAULT_REGION=us-east-1"
)
#: The story's first command: the one that was refused.
ASK = "curl http://169.254.169.254/latest/meta-data/instance-id"

#: What the screens say, where they speak Japanese.
JAPANESE = {
    "Actions": "アクション",
    "Advanced details": "高度な詳細",
    "Application name": "アプリケーション名",
    "Apply": "適用",
    "Calls": "呼び出し",
    "Configuration": "設定",
    "Create environment": "環境の作成",
    "Dashboard": "ダッシュボード",
    "Disabled": "無効",
    "Edit": "編集",
    "Environment name": "環境名",
    "Environments": "環境",
    "Instances": "インスタンス",
    "Launch an instance": "インスタンスを起動",
    "Launch instance": "インスタンスを起動",
    "Metadata": "メタデータ",
    "Metadata version": "メタデータのバージョン",
    "Modify instance metadata options": "インスタンスメタデータのオプションを変更",
    "Name": "名前",
    "Optional": "オプション",
    "Ready": "準備完了",
    "Save": "保存",
    "Sign in": "サインイン",
    "Sign out": "サインアウト",
    "Status": "ステータス",
    "V2 only (token required)": "V2 (トークンは必須)",
}


def transcript() -> list[str]:
    """The commands of the transcript that this project began with."""
    lines = (HERE / "page-transcript.txt").read_text().splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def equal(what: str, got: object, want: object) -> None:
    """Ends the case unless both are the same."""
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, expected {want!r}")


class Person:
    """Somebody who lives the story in a language."""

    def __init__(self, browser: Browser, language: str, has_scripts: bool = True):
        self.browser, self.language, self.has_scripts = browser, language, has_scripts

    @functools.cached_property
    def terminal(self) -> Terminal:
        """Whose commands are this person's."""
        return Terminal()

    def word(self, english: str) -> str:
        """What a screen says in this language."""
        return JAPANESE[english] if self.language == "ja" else english

    def follow(self, english: str, within: str = "") -> None:
        """Clicks a link."""
        self.browser.find("link", self.word(english), within).click()

    def push(self, english: str) -> None:
        """Clicks a button."""
        self.browser.find("button", self.word(english), "main").click()

    def picture(self, name: str, part: Control | None = None) -> None:
        """Keeps what the screen looks like, from a part of it on, as most see it."""
        if self.has_scripts:
            self.browser.screenshot(SCRATCH / f"pictures/{self.language}-{name}.png", part)

    def come_in(self) -> None:
        """Opens the console, in this person's language."""
        self.browser.open("/console")
        self.browser.find("link", {"en": "English", "ja": "日本語"}[self.language]).click()

    def refused(self) -> None:
        """Asks as IMDSv1 does, in an instance that requires IMDSv2."""
        equal("the page of the 401", self.terminal.run(ASK), (HERE / "401.xhtml").read_text())

    # The environment.

    def make_with_eb(self) -> None:
        """Elastic Beanstalk's own command line."""
        run = self.terminal.run
        run(ENDPOINT)
        run('eb init shop --platform "64bit Amazon Linux 2023 v4.7.0 running Python 3.11" --region us-east-1')
        said = run("eb create web-env --sample --single")
        assert "Successfully launched environment: web-env" in said, said

    def make_with_imds(self) -> None:
        """Ours."""
        self.terminal.run("export AWS_DEFAULT_REGION=us-east-1")
        self.terminal.run("imds environment create web-env --single")

    def log_in(self) -> str:
        """What was seen first: the 401, the token, the id. The instance's id."""
        terminal = self.terminal
        terminal.enter("imds exec --environment web-env -- sh")
        ask, get_token, ask_with_token = transcript()
        equal("the story's first command", ask, ASK)
        self.refused()
        terminal.run(get_token)
        equal("the token's length", terminal.run("echo ${#TOKEN}"), "56\n")
        found = terminal.run(ask_with_token)
        assert re.fullmatch("i-[0-9a-f]{17}", found), found
        terminal.leave()
        return found

    def untick(self) -> None:
        """The box on the environment's screen."""
        self.come_in()
        self.follow("Environments", ".side")
        self.browser.find("link", "web-env", "main").click()
        self.picture("environment")
        self.follow("Configuration", "main")
        self.picture("configuration")
        self.follow("Edit", "main")
        self.picture("edit")
        self.browser.find("check box", self.word("Disabled")).tick(False)
        self.push("Apply")
        self.picture("updating")
        self.browser.until("Ready", self.is_ready)
        self.picture("updated")

    def is_ready(self) -> bool:
        """Is the update over? The page shows it by itself, and without script when asked."""
        if not self.has_scripts:
            self.browser.reload()
        status = "return [...document.querySelectorAll('dt')].find(part => part.innerText == arguments[0])"
        return self.browser.run(f"{status}.nextElementSibling.innerText", self.word("Status")) == self.word("Ready")

    def answered(self, old: str) -> None:
        """The new instance answers IMDSv1."""
        new = self.terminal.run(f"imds exec --environment web-env -- {ASK}")
        assert re.fullmatch("i-[0-9a-f]{17}", new) and new != old, f"{old}, {new}"

    # The instance.

    def launch(self) -> str:
        """*Launch an instance*, with IMDSv2 only: its id."""
        browser = self.browser
        self.follow("Instances", ".side")
        self.follow("Launch instance", "main")
        browser.find("text field", self.word("Name")).type("riddle")
        details = browser.find("summary", self.word("Advanced details"))
        details.unfold()
        browser.find("list", self.word("Metadata version")).choose(self.word("V2 only (token required)"))
        self.picture("launch", details)
        self.push("Launch instance")
        browser.until("the instance's page", lambda: "/console/instances/i-" in browser.path)
        self.picture("instance")
        return re.search("i-[0-9a-f]{17}", browser.path)[0]

    def understand(self) -> None:
        """What the instance was asked and refused, and what it would answer."""
        self.follow("Calls", "main")
        self.browser.shows("401")
        self.picture("calls")
        self.follow("Metadata", "main")
        self.picture("metadata")

    def modify(self) -> None:
        """*Modify instance metadata options*: tokens are optional from now on."""
        self.browser.find("summary", self.word("Actions")).unfold()
        self.follow("Modify instance metadata options", ".menu")
        self.browser.find("radio button", self.word("Optional")).click()
        self.picture("modify")
        self.push("Save")
        self.browser.until("the instance's page", lambda: "metadata-options" not in self.browser.path)
        self.picture("modified")


@contextlib.contextmanager
def running(command: str):
    """A service, for as long as this is entered."""
    service = Service(command)
    try:
        yield service
    finally:
        service.end()


def live(browser: Browser, language: str, make: Callable[[Person], None]) -> None:
    """The whole story."""
    person = Person(browser, language)
    with running(SERVE):
        make(person)
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
    person.terminal.end()
    RAN[language] = [nameless(command) for command in (SERVE, *person.terminal.ran)]


#: What was run in each language, without the ids of instances.
RAN: dict[str, list[str]] = {}


def nameless(command: str) -> str:
    """The command, of whichever instance."""
    return re.sub("i-[0-9a-f]{17}", "i-…", command)


def commands(page: str) -> list[str]:
    """The commands of a page: of a block with prompts what follows them, of others every line."""
    found = []
    for block in re.findall(r"(?:^ {4}.*\n)+", page, re.MULTILINE):
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        found += [nameless(line) for line in prompted or lines]
    return found


def pages_tell_what_was_done(_: Browser) -> None:
    """Each page has the commands of its story in their order, and none that was not run; pictures are of screens."""
    ran = {command for each in RAN.values() for command in each}
    shown = []
    for language in RAN:
        page = (SCRATCH / f"docs/{language}.md").read_text()
        told = commands(page)
        equal(f"not run of {language}", [command for command in told if command not in ran], [])
        of_this = iter(told)
        missing = [command for command in RAN[language] if command not in of_this]
        equal(f"not in their place on the page in {language}", missing, [])
        shown += re.findall(r"images/([^)]+)", page)
    taken = [picture.name for picture in (SCRATCH / "pictures").iterdir()]
    equal("pictures that are not taken", [name for name in shown if name not in taken], [])
    kept = [file.name for file in (SCRATCH / "docs/images").iterdir()]
    equal("the pictures in docs/images", sorted(kept), sorted(shown))


CASES = [
    ("the story in English, with eb", lambda browser: live(browser, "en", Person.make_with_eb)),
    ("the story in Japanese", lambda browser: live(browser, "ja", Person.make_with_imds)),
    ("docs/five-minutes.md tells what was done", pages_tell_what_was_done),
]
