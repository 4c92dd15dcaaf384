"use strict";
// Everything works without this. With it, what changes by itself is shown as it changes, and commands can be copied.

// <section id="ID" data-refresh="3"> has its content taken anew from the page every three seconds, for as long as the page
// still has it so. The page is fetched once for all its sections. The sections themselves stay: screen readers tell what
// changes in them. What has the focus is not taken away: such a section stays as it is, and its turn comes again.
const OVER = [401, 403, 404];

function waiting() {
  return [...document.querySelectorAll("[data-refresh]")].filter((section) => Number(section.dataset.refresh) > 0);
}

function schedule() {
  const seconds = waiting().map((section) => Number(section.dataset.refresh));
  if (seconds.length > 0) setTimeout(refresh, Math.min(...seconds) * 1000);
}

async function refresh() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    if (OVER.includes(answer.status)) return;
    if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The service is away, for an update perhaps. It is asked again.
  }
  schedule();
}

function take(page) {
  for (const section of waiting()) {
    if (section.contains(document.activeElement)) continue;
    const next = page.getElementById(section.id);
    section.dataset.refresh = next?.dataset.refresh ?? "";
    if (next && next.innerHTML !== section.innerHTML) section.replaceChildren(...next.childNodes);
  }
}

// <button data-copy="ID" data-copied="Copied" hidden> copies the text of that element, where the browser lets pages copy.
function copy(button) {
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

schedule();
if (navigator.clipboard) document.querySelectorAll("[data-copy]").forEach(copy);
