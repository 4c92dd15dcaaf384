"use strict";
// Everything works without this. With it, what changes by itself is shown as it changes, and commands can be copied.

// <section data-refresh="3"> has its content taken anew from the page every three seconds, for as long as the page still has
// it so. The section itself stays: screen readers tell what changes in it. What has the focus is not taken away.
function refresh(section) {
  const seconds = Number(section.dataset.refresh);
  if (!(seconds > 0)) return;
  setTimeout(async () => {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.getElementById(section.id);
      if (!next) return;
      if (section.contains(document.activeElement)) return refresh(section);
      section.dataset.refresh = next.dataset.refresh || "";
      if (next.innerHTML !== section.innerHTML) section.replaceChildren(...next.childNodes);
      refresh(section);
    } catch {
      refresh(section);
    }
  }, seconds * 1000);
}

// <button data-copy="ID" data-copied="Copied" hidden> copies the text of that element.
function copy(button) {
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

document.querySelectorAll("[data-refresh]").forEach(refresh);
document.querySelectorAll("[data-copy]").forEach(copy);
