// How the search went on: the best result so far.

section({
  id: "progress",
  title: "Progress",
  empty: () => (view.visible.some((i) => !Number.isNaN(performance(i))) ? "" : "No finished run has a result yet."),
  draw(body) {
    body.append(node("div", { class: "plot" }));
    this.redraw(body);
  },
  redraw(body) {
    const ended = view.visible.filter((i) => !Number.isNaN(performance(i))).sort((a, b) => content.runs.ended[a] - content.runs.ended[b]);
    let best = NaN;
    const y = ended.map((i) => (best = better(best, performance(i)) > 0 ? performance(i) : best));
    plot(body.firstChild, [{ x: ended.map((_, k) => k + 1), y, mode: "lines", line: { shape: "hv" } }], { height: 300, yaxis: { title: { text: plain(view.key) } } });
  },
});
