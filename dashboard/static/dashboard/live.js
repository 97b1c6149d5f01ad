// Keeps the Overview fresh: asks for its moving part every two seconds while somebody looks.
// The answer is morphed into the page, node by node, so focus, selection and open menus stay.
(() => {
  "use strict";
  const STALE_AFTER_MS = 8000;

  function morph(into, from) {
    if (into.nodeType !== from.nodeType || into.nodeName !== from.nodeName) {
      into.replaceWith(from.cloneNode(true));
      return;
    }
    if (into.nodeType === Node.TEXT_NODE) {
      if (into.data !== from.data) into.data = from.data;
      return;
    }
    if (into.nodeType !== Node.ELEMENT_NODE) return;
    for (const { name, value } of from.attributes) if (into.getAttribute(name) !== value) into.setAttribute(name, value);
    for (const { name } of [...into.attributes]) if (!from.hasAttribute(name)) into.removeAttribute(name);
    const old = [...into.childNodes];
    const fresh = [...from.childNodes];
    fresh.forEach((child, at) => (at < old.length ? morph(old[at], child) : into.append(child.cloneNode(true))));
    old.slice(fresh.length).forEach((child) => child.remove());
  }

  function start(page) {
    const every = Number(page.dataset.every);
    let timer = null;
    let answered = Date.now();
    let asking = false;

    function show() {
      const script = page.querySelector("[data-points]");
      page.dispatchEvent(new CustomEvent("points", { detail: JSON.parse(script.textContent) }));
    }

    async function refresh() {
      if (asking) return;
      asking = true;
      try {
        const answer = await fetch(page.dataset.live, { redirect: "manual", signal: AbortSignal.timeout(5000) });
        if (answer.type === "opaqueredirect") return location.reload();
        if (!answer.ok) throw new Error(String(answer.status));
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const region of page.querySelectorAll("[data-region]")) {
          const next = fresh.querySelector(`[data-region="${region.dataset.region}"]`);
          if (next) morph(region, next);
        }
        answered = Date.now();
        page.classList.remove("mo-stale");
        show();
      } catch {
        if (Date.now() - answered > STALE_AFTER_MS) page.classList.add("mo-stale");
      } finally {
        asking = false;
      }
    }

    function follow() {
      clearInterval(timer);
      timer = document.hidden ? null : setInterval(refresh, every);
    }

    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) refresh();
      follow();
    });
    show();
    follow();
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-live]").forEach(start));
})();
