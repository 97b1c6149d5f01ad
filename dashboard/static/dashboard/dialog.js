// Opens a form page in a native dialog: a link with data-dialog still works as a plain page without this script.
(() => {
  "use strict";
  const PART = "[data-form]";

  async function partOf(answer) {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.querySelector(PART);
  }

  function close(dialog) {
    dialog.close();
    dialog.remove();
  }

  function fill(dialog, part) {
    dialog.replaceChildren(document.importNode(part, true));
    const title = dialog.querySelector("h2");
    if (title) {
      title.id = "dialog-title";
      dialog.setAttribute("aria-labelledby", title.id);
    }
    const form = dialog.querySelector("form");
    form.addEventListener("submit", (event) => send(event, dialog));
    dialog.querySelector("[data-close]")?.addEventListener("click", (event) => {
      event.preventDefault();
      close(dialog);
    });
  }

  function focus(dialog) {
    const wanted = ["[aria-invalid=true]", "[autofocus]", "input:checked", "input:not([type=hidden]), textarea"];
    wanted.map((each) => dialog.querySelector(each)).find(Boolean)?.focus();
  }

  function hold(form, held) {
    form.querySelectorAll("[type=submit]").forEach((button) => {
      button.disabled = held;
    });
  }

  // What was sent may have been done: it is never sent again without a press.
  function tell(form) {
    hold(form, false);
    const trouble = form.querySelector("[data-trouble]");
    trouble.hidden = false;
    trouble.scrollIntoView({ block: "nearest" });
  }

  async function send(event, dialog) {
    event.preventDefault();
    const form = event.target;
    hold(form, true);
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "X-Dialog": "1" } });
      if (answer.status === 204) {
        // The same address has to be loaded again, not just scrolled to.
        const next = new URL(answer.headers.get("Location"), location.href);
        if (next.href === location.href) location.reload();
        else location.assign(next);
        return;
      }
      const part = await partOf(answer);
      if (part) {
        fill(dialog, part);
        focus(dialog);
      } else if (answer.redirected) location.assign(form.action);
      else tell(form);
    } catch {
      tell(form);
    }
  }

  async function open(link) {
    const answer = await fetch(link.href);
    const part = answer.ok ? await partOf(answer) : null;
    if (!part) return location.assign(link.href);
    if (document.querySelector("dialog.mo-dialog")) return;
    const dialog = document.createElement("dialog");
    dialog.className = "mo-dialog";
    document.body.append(dialog);
    dialog.addEventListener("close", () => {
      dialog.remove();
      // A part that follows by itself may have drawn the link anew meanwhile.
      const again = [...document.querySelectorAll("a[data-dialog]")].find((each) => each.href === link.href);
      (link.isConnected ? link : again)?.focus();
    });
    fill(dialog, part);
    dialog.showModal();
    focus(dialog);
  }

  // A form that is a page of its own is sent once, too; the buttons come back with a page from the browser's memory.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method === "post" && !event.defaultPrevented) setTimeout(() => hold(form, true));
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) [...document.forms].forEach((form) => hold(form, false));
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(link).catch(() => location.assign(link.href));
  });
})();
