// Names parts of the theme's pages that have no role, or the same name as another part.
window.addEventListener("load", () => {
  document.getElementById("main")?.setAttribute("role", "main");
  document.querySelector("#nav-sidebar-apps .simplebar-content-wrapper")?.setAttribute("aria-label", "Pages");
});
