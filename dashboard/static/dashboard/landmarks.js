// Names parts of the theme's pages that have no role, no name, or the same name as another part, and follows the light.
(() => {
  "use strict";

  // A select2 box is named by what was chosen in it; it needs the field's label before that.
  function nameBox(box) {
    const label = box.closest(".select2")?.previousElementSibling?.labels?.[0];
    const chosen = box.querySelector(".select2-selection__rendered");
    if (!label || !chosen) return;
    label.id ||= `label-of-${chosen.id}`;
    chosen.removeAttribute("role");
    chosen.removeAttribute("aria-readonly");
    box.setAttribute("aria-labelledby", `${label.id} ${chosen.id}`);
  }

  // In a list of cards the theme names every first column for a tick box, which these lists don't have, and writes the
  // names of fields small.
  function labelCell(cell) {
    if (cell.matches(":first-child:not(:has(input))")) {
      const heading = document.querySelector("#result_list thead th").cloneNode(true);
      heading.querySelectorAll(".material-symbols-outlined").forEach((icon) => icon.remove());
      cell.dataset.label = heading.textContent.trim();
    }
    cell.dataset.label = cell.dataset.label.charAt(0).toUpperCase() + cell.dataset.label.slice(1);
  }

  // The theme opens its filters and menus from what only a mouse can press.
  function makePressable(control) {
    control.setAttribute("role", "button");
    control.tabIndex = 0;
    if (control.matches("div")) control.setAttribute("aria-label", "More");
    control.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      control.click();
    });
  }

  function nameParts() {
    document.querySelectorAll("#changelist a:not([href]), .related-widget-wrapper div:has(> :only-child.material-symbols-outlined)").forEach(makePressable);
    document.getElementById("main")?.setAttribute("role", "main");
    document.querySelector("#nav-sidebar-apps .simplebar-content-wrapper")?.setAttribute("aria-label", "Pages");
    document.querySelectorAll(".select2-selection--single").forEach(nameBox);
    document.querySelectorAll(".selector .help-tooltip").forEach((hint) => hint.setAttribute("role", "img"));
    document.querySelectorAll("#result_list .data-row > [data-label]").forEach(labelCell);
  }

  // Who leaves light and dark to the system has a page that is open follow it; the theme looks once.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", () => {
    const kept = localStorage.getItem("_x_adminTheme") ?? '"auto"';
    if (kept === '"auto"') document.documentElement.classList.toggle("dark", dark.matches);
  });

  // After the listeners of the theme, which draw some of these parts only then.
  window.addEventListener("load", () => setTimeout(nameParts));
})();
