// Dark or light: as the system has it, until the reader chooses. This runs before the
// page is drawn, so that it does not flash.
(() => {
  const chosen = localStorage.getItem("netdiffus-theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
})();
