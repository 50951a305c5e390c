const content = JSON.parse(document.getElementById("content").textContent);

// Shows the page.
function start() {
  document.title = content.searches.map((search) => search.name).join(", ");
}
