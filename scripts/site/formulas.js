// Renders the formulas that pymdownx.arithmatex left as \(...\) and \[...\]. An unknown command throws, which scripts/check_site.py reports.
document.querySelectorAll(".arithmatex").forEach((element) => {
  katex.render(element.textContent.trim().slice(2, -2), element, { displayMode: element.tagName === "DIV" });
});
