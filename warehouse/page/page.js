// Renews the part of the page that is called "live", once a second, while somebody looks.
"use strict";

(() => {
  const PERIOD_MS = 1000;
  const pause = document.getElementById("pause");
  let paused = false;

  // The list lives at "/", its part at /_lw/page/statements; a statement's part is below itself.
  function address() {
    const path = location.pathname === "/" ? "/_lw/page/statements" : location.pathname + "/requests";
    const query = new URLSearchParams(location.search);
    query.set("after", document.getElementById("live").dataset.version);
    return path + "?" + query;
  }

  // The server has escaped everything; the fragment is parsed as a document of its own, without scripts.
  function show(text) {
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("live");
    const live = document.getElementById("live");
    if (!fresh || live.contains(getSelectedNode())) return;
    const focused = live.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const scroll = [...live.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
    keepStatus(live, fresh);
    live.replaceChildren(...fresh.childNodes);
    live.dataset.version = fresh.dataset.version;
    live.querySelectorAll(".scroll").forEach((box, at) => (box.scrollLeft = scroll[at] || 0));
    if (focused) [...live.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
  }

  // A status line that says the same is kept, so that screen readers do not say it again.
  function keepStatus(live, fresh) {
    const [old, next] = [live, fresh].map((part) => part.querySelector("[role=status]"));
    if (old && next && old.textContent === next.textContent) next.replaceWith(old);
  }

  // Somebody who marks text to copy it must not lose it.
  function getSelectedNode() {
    const selection = getSelection();
    return selection.isCollapsed ? null : selection.anchorNode;
  }

  async function renew() {
    if (paused || document.hidden) return;
    try {
      const answer = await fetch(address(), { cache: "no-store" });
      document.body.classList.remove("gone");
      if (answer.status === 200) show(await answer.text());
    } catch {
      document.body.classList.add("gone"); // the server has stopped; it may come back
    }
  }

  async function run() {
    await renew();
    setTimeout(run, PERIOD_MS);
  }

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
  });
  setTimeout(run, PERIOD_MS);
})();
