"""The cases of the console: its story in both languages, without script, and its pages for everybody.

What `check` runs. Cases run in order, with one browser; each says what it shows, and the last line counts them.
"""

import contextlib
import sys
import time
import traceback

import pages
import story
from terminal import DOOR, SCRATCH
from webdriver import Browser, Driver

CASES = [*story.CASES, *pages.CASES]


def main() -> int:
    """Runs all of them: 0 only if each passed."""
    passed = failed = 0
    driver = Driver(SCRATCH / "chromedriver.log")
    with contextlib.ExitStack() as ends:
        ends.callback(driver.end)
        browser = Browser(driver, SCRATCH / "profile", DOOR)
        ends.callback(browser.end)
        for name, case in CASES:
            start = time.monotonic()
            try:
                case(browser)
            except Exception:
                failed += 1
                print(f"{traceback.format_exc()}FAIL  {name}", flush=True)
            else:
                passed += 1
                print(f"pass  {name}, {time.monotonic() - start:.0f} s", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return failed != 0 or passed == 0


sys.exit(main())
