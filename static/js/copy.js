// A button that copies a field. It is hidden in the page: without JavaScript, or where the browser has no clipboard
// for pages that are not secure, there is the field to select.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    button.textContent = "Copied";
  });
}
