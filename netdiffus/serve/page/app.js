// The pages: the list of runs, one run, and several compared. What they show comes from
// the server as JSON; texts are only ever set as text.
"use strict";

const content = document.getElementById("content");
const say = text => { document.getElementById("said").textContent = text; };

// h makes an element: h("a", {href: "…", class: "…"}, "text", another).
const h = (tag, attributes = {}, ...children) => {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (name in e && typeof value === "boolean") e[name] = value;
    else e.setAttribute(name, value);
  }
  e.append(...children.flat(9).filter(c => c !== undefined && c !== null && c !== false));
  return e;
};

// fill shows parts as the page; null ones are left out.
const fill = (...parts) => content.replaceChildren(...parts.flat().filter(p => p !== null && p !== undefined));

const ask = async path => {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
};

const duration = s => {
  if (!s) return "–";
  if (s < 90) return Math.round(s) + " s";
  if (s < 5400) return Math.round(s / 60) + " min";
  return s < 172800 ? (s / 3600).toFixed(1) + " h" : (s / 86400).toFixed(1) + " d";
};
const date = t => t ? new Date(t).toLocaleString("sv").slice(0, 16) : "–";
const bytes = n => n > 1e9 ? (n / 1e9).toFixed(1) + " GB" : n > 1e6 ? (n / 1e6).toFixed(1) + " MB" : Math.ceil(n / 1e3) + " kB";
const word = json => { try { const v = JSON.parse(json); return typeof v === "string" ? v : json; } catch { return json; } };
const state = s => h("span", {class: "state " + s}, s);
const progress = r => r.steps ? `${r.step} / ${r.steps}` : String(r.step);

// region holds what may be wider than the window, and can be scrolled by keys.
const region = (label, table) => h("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": label}, table);

// ---- the list ----

const ticked = new Set();
const columns = [
  {id: "name", title: "Run", class: "name text", text: true, of: r => r.name.toLowerCase()},
  {id: "state", title: "State", class: "text middle", text: true, of: r => r.state},
  {id: "preset", title: "Preset", class: "text middle", text: true, of: r => r.preset},
  {id: "created", title: "Begun", class: "wide", of: r => r.created ?? ""},
  {id: "seconds", title: "Time", class: "wide", of: r => r.seconds},
  {id: "step", title: "Step", class: "middle", of: r => r.step},
  {id: "loss", title: "Loss", of: r => r.loss},
  {id: "held", title: "Held out", class: "middle", of: r => r.held},
  {id: "tstr", title: "TSTR", of: r => r.tstr},
  {id: "differs", title: "Differs from the preset", class: "text wide", text: true, of: r => r.differs},
];
const order = {by: "created", down: true, words: ""};
let listed = [];

const matches = (r, words) => {
  const text = [r.name, r.state, r.preset, r.differs, r.note, ...(r.tags ?? [])].join(" ").toLowerCase();
  return words.toLowerCase().split(/\s+/).every(w => text.includes(w));
};

const sorted = () => {
  const c = columns.find(c => c.id === order.by), sign = order.down ? -1 : 1;
  const missing = v => v === null || v === undefined || v === "" || v === "NaN";
  return listed.filter(r => matches(r, order.words)).sort((a, b) => {
    const x = c.of(a), y = c.of(b);
    if (missing(x) || missing(y)) return missing(x) - missing(y); // last, whatever the order
    return x < y ? -sign : x > y ? sign : 0;
  });
};

const listRow = r => h("tr", {},
  h("td", {class: "tick"}, h("input", {type: "checkbox", "aria-label": "compare " + r.name, checked: ticked.has(r.key), onchange: e => { e.target.checked ? ticked.add(r.key) : ticked.delete(r.key); countTicked(); }})),
  h("th", {scope: "row", class: "name"}, h("a", {href: "#/run/" + r.key}, r.name),
    (r.tags ?? []).length ? h("span", {class: "small"}, r.tags.map(t => h("span", {class: "tag"}, t))) : null,
    r.note ? h("span", {class: "small"}, r.note) : null,
    r.problems?.length ? h("span", {class: "small"}, "⚠ " + r.problems[0]) : null,
    h("span", {class: "small narrow"}, state(r.state), " · ", r.preset, " · step ", progress(r))),
  h("td", {class: "text middle"}, state(r.state)),
  h("td", {class: "text middle"}, r.preset),
  h("td", {class: "wide"}, date(r.created)),
  h("td", {class: "wide"}, duration(r.seconds)),
  h("td", {class: "middle"}, progress(r)),
  h("td", {}, number(r.loss)),
  h("td", {class: "middle"}, number(r.held)),
  h("td", {}, number(r.tstr), r.baseline !== null && r.tstr !== null ? h("span", {class: "small"}, " of " + number(r.baseline)) : null),
  h("td", {class: "text wide"}, h("div", {class: "differs small"}, r.differs)));

const countTicked = () => {
  const button = document.getElementById("compare");
  if (!button) return;
  button.disabled = ticked.size < 2;
  button.textContent = ticked.size ? `Compare ${ticked.size}` : "Compare";
};

// batch is how many rows are drawn at once: the layout of a table of a thousand rows takes
// a second. The next ones are drawn when their place comes near.
const batch = 150;
let found = [];

const drawMore = () => {
  const body = document.getElementById("rows"), more = document.getElementById("more");
  const from = body.children.length;
  body.append(...found.slice(from, from + batch).map(listRow));
  const left = found.length - body.children.length;
  more.hidden = left === 0;
  more.textContent = `Show ${Math.min(left, batch)} more of ${left}`;
};

// near draws more rows while the end of those there is near.
const near = new IntersectionObserver(seen => {
  if (!seen.some(one => one.isIntersecting)) return;
  drawMore();
  near.unobserve(seen[0].target); // so that it is asked again where the end is still near
  near.observe(seen[0].target);
}, {rootMargin: "500px"});

// drawRows draws the list as it is sorted and searched now; as many rows as there are,
// where only their contents are new.
const drawRows = again => {
  const body = document.getElementById("rows"), least = again ? body.children.length : 0;
  found = sorted();
  body.replaceChildren();
  do drawMore(); while (body.children.length < Math.min(least, found.length));
  document.getElementById("count").textContent = found.length === listed.length ? `${listed.length} runs` : `${found.length} of ${listed.length} runs`;
  for (const th of document.querySelectorAll("th[data-by]")) {
    const on = th.dataset.by === order.by;
    if (on) th.setAttribute("aria-sort", order.down ? "descending" : "ascending"); else th.removeAttribute("aria-sort");
    th.querySelector("span").textContent = on ? (order.down ? " ▾" : " ▴") : "";
  }
  countTicked();
};

const showList = async still => {
  const answer = await ask("api/runs");
  if (!still()) return;
  listed = answer.runs;
  document.title = "Runs · NetDiffus";
  const search = h("input", {type: "search", id: "search", placeholder: "Search: name, preset, setting, tag", "aria-label": "Search the runs", value: order.words,
    oninput: e => { order.words = e.target.value; drawRows(); }});
  fill(
    h("h1", {}, "Runs"),
    h("p", {class: "small"}, answer.roots.join(", ")),
    h("div", {class: "bar"}, search,
      h("button", {type: "button", id: "compare", class: "main", onclick: () => { location.hash = "#/compare/" + [...ticked].join(","); }}, "Compare"),
      h("span", {id: "count", class: "quiet", role: "status"})),
    listed.length ? [h("table", {class: "list"},
      h("thead", {}, h("tr", {}, h("th", {scope: "col", class: "tick"}, "✓"),
        columns.map(c => h("th", {scope: "col", class: c.class, "data-by": c.id}, h("button", {type: "button", onclick: () => {
          order.down = order.by === c.id ? !order.down : !c.text;
          order.by = c.id;
          drawRows();
        }}, c.title, h("span", {"aria-hidden": "true"})))))),
      h("tbody", {id: "rows"})), h("p", {}, h("button", {type: "button", id: "more", onclick: drawMore}))] : h("p", {}, "There are no runs here yet. ", h("code", {}, "netdiffus train"), " makes one below ", h("code", {}, "runs"), "."));
  if (listed.length) {
    drawRows();
    near.observe(document.getElementById("more"));
    leaving.push(() => near.disconnect());
  }
  await every(15000, async () => {
    if (!listed.some(r => r.state === "training") && Math.random() < .75) return; // look less often where nothing goes on
    listed = (await ask("api/runs")).runs;
    if (!content.contains(document.activeElement) || document.activeElement.id === "search") drawRows(true);
  });
};

// ---- one run ----

// Metrics people look at first come first; those of quarters of the steps come last.
const rank = name => {
  const first = ["loss", "validation_cross_entropy", "validation_loss", "cross_entropy", "mse", "vb"].indexOf(name);
  return (/_q\d$/.test(name) ? 200 : 0) + (first < 0 ? 100 : first);
};
const names = series => Object.keys(series).sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
const isMain = name => rank(name) < 200;

const figureTable = r => {
  const shown = r.rows.map(row => row.source), figures = Object.keys(r.rows[0]?.figures ?? {}).sort();
  return region("figures of the report", h("table", {},
    h("thead", {}, h("tr", {}, h("th", {scope: "col", class: "text"}, "figure"), shown.map(s => h("th", {scope: "col"}, s)))),
    h("tbody", {}, figures.map(f => h("tr", {}, h("th", {scope: "row"}, f), r.rows.map(row => h("td", {class: row.source === "synthetic" ? "best" : ""}, number(row.figures[f]?.mean))))))));
};

const showRun = async (key, still) => {
  const [r, curves] = await Promise.all([ask("api/run/" + key), ask(`api/run/${key}/curves`)]);
  if (!still()) return;
  document.title = r.name + " · NetDiffus";
  const status = h("span", {}, state(r.state)), step = h("dd", {}, progress(r));
  const charts = new Map(), main = h("div", {class: "charts"}), rest = h("div", {class: "charts"});
  const restOf = h("details", {}, h("summary", {}, "More curves: by the noise of the samples"), rest);
  let log = false;
  const addChart = name => {
    const c = new Chart(name, [{name, key: 0, ...curves.series[name]}], {log});
    charts.set(name, c);
    (isMain(name) ? main : rest).append(c.figure);
    restOf.hidden = !rest.children.length;
  };
  names(curves.series).forEach(addChart);
  restOf.hidden = !rest.children.length;
  const samples = (r.samples ?? []).slice().sort((a, b) => (b.made_by?.step ?? -1) - (a.made_by?.step ?? -1) || b.made.localeCompare(a.made));
  fill(
    h("p", {class: "small"}, h("a", {href: "#/"}, "All runs")),
    h("h1", {}, r.name), h("p", {}, status, " ", (r.tags ?? []).map(t => h("span", {class: "tag"}, t))),
    r.note ? h("p", {}, r.note) : null,
    (r.problems ?? []).map(p => h("p", {class: "problem"}, p)),
    curves.damaged && !r.problems?.length ? h("p", {class: "problem"}, `${curves.damaged} of ${curves.lines} lines of metrics are damaged; they are left out.`) : null,
    h("dl", {class: "facts"}, [["Step", null], ["Preset", r.preset || "–"], ["Model", r.kind || "–"], ["Begun", date(r.created)], ["Time", duration(r.seconds)],
      ["Device", r.device || "–"], ["Seed", String(r.seed)], ["Size", bytes(r.bytes)], ["Data", (r.inputs ?? []).map(i => i.path.split(/[\\/]/).pop() + " " + (i.sha256 ?? "").slice(0, 12)).join(", ") || "–"]]
      .map(([name, value]) => h("div", {}, h("dt", {}, name), value === null ? step : h("dd", {}, value)))),
    h("p", {class: "small"}, h("code", {}, r.path)),
    h("h2", {}, "Curves"),
    charts.size ? h("div", {class: "bar"}, h("label", {}, h("input", {type: "checkbox", id: "log", onchange: e => { log = e.target.checked; for (const c of charts.values()) { c.log = log; c.draw(); } }}), " logarithmic"),
      h("span", {class: "quiet small"}, `${curves.lines} lines of metrics`)) : h("p", {class: "quiet"}, "No metrics yet; a model that is counted has none."),
    main, restOf,
    h("h2", {}, "Samples"),
    samples.length ? h("div", {class: "samples"}, samples.map(s => h("figure", {},
      h("figcaption", {}, h("strong", {}, s.made_by ? `step ${s.made_by.step}` : "samples"), ` · ${s.flows} flows · ${s.path}`),
      h("img", {loading: "lazy", alt: `images of ${s.path}, the classes in turn`, src: `api/run/${key}/samples/${s.path.split("/").map(encodeURIComponent).join("/")}`,
        onerror: e => e.target.replaceWith(h("p", {class: "problem"}, "These samples cannot be drawn."))}))))
      : h("p", {class: "quiet"}, "None. ", h("code", {}, `netdiffus sample --run ${r.path} --out ${r.path}/samples/drawn`), " draws some."),
    h("h2", {}, "Fidelity"),
    r.reports?.length ? r.reports.map((p, i) => h("details", {open: i === r.reports.length - 1}, h("summary", {}, p.headline || p.path, h("span", {class: "small"}, " · " + date(p.made))),
      figureTable(p), h("p", {}, h("button", {type: "button", onclick: e => e.target.parentNode.replaceWith(h("iframe", {title: "report " + p.path, src: `api/run/${key}/report/${i}`}))}, "Show the whole report"))))
      : h("p", {class: "quiet"}, "No report. ", h("code", {}, "netdiffus evaluate"), " makes one."),
    h("h2", {}, "Settings"),
    r.differs?.length ? h("div", {}, h("p", {}, `What differs from the preset ${r.preset}:`), region("settings that differ from the preset", h("table", {},
      h("thead", {}, h("tr", {}, h("th", {scope: "col", class: "text"}, "setting"), h("th", {scope: "col"}, "this run"), h("th", {scope: "col"}, "preset"))),
      h("tbody", {}, r.differs.map(d => h("tr", {}, h("th", {scope: "row"}, d.name), h("td", {}, word(d.value) || "–"), h("td", {}, word(d.other) || "–"))))))) : h("p", {}, `None differs from the preset ${r.preset || ""}.`),
    h("details", {}, h("summary", {}, "All settings"), region("all settings", h("table", {}, h("thead", {}, h("tr", {}, h("th", {scope: "col", class: "text"}, "setting"), h("th", {scope: "col"}, "value"))),
      h("tbody", {}, Object.keys(r.settings ?? {}).sort().map(n => h("tr", {}, h("th", {scope: "row"}, n), h("td", {}, h("div", {class: "differs"}, word(r.settings[n]))))))))),
    h("details", {}, h("summary", {}, "Checkpoints and sessions"),
      h("ul", {}, (r.checkpoints ?? []).map(c => h("li", {}, `step ${c.step}, ${bytes(c.bytes)}${c.best ? ", the best on flows held out" : ""}`))),
      h("ul", {}, (r.sessions ?? []).map(s => h("li", {}, `${date(s.started)}, from step ${s.from_step}: `, h("code", {}, (s.command ?? []).join(" ")))))));

  const source = new EventSource(`api/run/${key}/live?at=${Math.max(0, curves.at - 65536)}`);
  leaving.push(() => source.close());
  source.addEventListener("state", e => {
    const now = JSON.parse(e.data).state;
    if (now !== r.state) { r.state = now; status.replaceChildren(state(now)); say("The run is " + now); }
  });
  source.addEventListener("again", () => { source.close(); route(); });
  source.addEventListener("points", e => {
    let newest = 0;
    for (const [name, more] of Object.entries(JSON.parse(e.data))) {
      curves.series[name] ??= {x: [], y: []};
      const have = curves.series[name], last = have.x.length ? have.x[have.x.length - 1] : -1;
      let added = false;
      more.x.forEach((x, i) => { if (x > last) { have.x.push(x); have.y.push(more.y[i]); newest = Math.max(newest, x); added = true; } });
      if (have.x.length > 4000) for (const list of [have.x, have.y]) list.splice(0, list.length, ...list.filter((_, i) => i % 2 === 0 || i === list.length - 1));
      if (!charts.has(name)) addChart(name);
      else if (added) { const c = charts.get(name); c.lines = [{name, key: 0, ...have}]; c.draw(); }
    }
    if (newest > r.step) { r.step = newest; step.textContent = progress(r); }
  });
};

// ---- several runs ----

const showCompare = async (keys, still) => {
  const c = await ask("api/compare?keys=" + keys);
  const all = await Promise.all(c.keys.map(key => ask(`api/run/${key}/curves`)));
  if (!still()) return;
  document.title = "Comparison · NetDiffus";
  const link = i => h("a", {href: "#/run/" + c.keys[i]}, c.runs[i].name);
  const head = first => h("thead", {}, h("tr", {}, h("th", {scope: "col", class: "text"}, first), c.runs.map((_, i) => h("th", {scope: "col"}, link(i)))));
  const shared = [...new Set(all.flatMap(one => Object.keys(one.series)))].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  let log = false;
  const charts = [];
  const chart = name => {
    const drawn = new Chart(name, c.runs.map((r, i) => ({name: r.name, key: i, ...(all[i].series[name] ?? {x: [], y: []})})), {log});
    charts.push(drawn);
    return drawn.figure;
  };
  // The best baseline of each report stands beside its figure.
  const figure = (f, i) => h("td", {}, number(f.values[i]), f.baseline?.[i] ? h("span", {class: "small"}, ` (${f.baseline[i]} ${number(f.best_baseline[i])})`) : null);
  const rest = shared.filter(n => !isMain(n));
  fill(
    h("p", {class: "small"}, h("a", {href: "#/"}, "All runs")),
    h("h1", {}, `${c.runs.length} runs compared`),
    h("ul", {class: "key"}, c.runs.map((_, i) => h("li", {}, svg("svg", {"aria-hidden": "true", viewBox: "0 0 32 12"}, svg("line", {class: "k" + i % 8, x1: 0, x2: 32, y1: 6, y2: 6})), link(i)))),
    (c.notes ?? []).map(n => h("p", {class: "problem"}, n)),
    h("h2", {}, "Settings that differ"),
    c.settings?.length ? region("settings that differ", h("table", {}, head("setting"),
      h("tbody", {}, c.settings.map(s => h("tr", {}, h("th", {scope: "row"}, s.name), s.values.map(v => h("td", {}, word(v) || "–"))))))) : h("p", {}, "None."),
    h("h2", {}, "Time and size"),
    region("time and size", h("table", {}, head("of the run"), h("tbody", {},
      [["state", r => r.state], ["step", progress], ["time", r => duration(r.seconds)], ["size", r => bytes(r.bytes)]]
        .map(([name, of]) => h("tr", {}, h("th", {scope: "row"}, name), c.runs.map(r => h("td", {}, of(r)))))))),
    h("h2", {}, "Fidelity"),
    c.figures?.length ? h("div", {}, h("p", {class: "small"}, "In brackets the best baseline of the same report."), region("fidelity", h("table", {}, head("figure"),
      h("tbody", {}, c.figures.map(f => h("tr", {}, h("th", {scope: "row"}, f.name), f.values.map((_, i) => figure(f, i)))))))) : h("p", {class: "quiet"}, "None of them has a report yet."),
    h("h2", {}, "Curves"),
    h("div", {class: "bar"}, h("label", {}, h("input", {type: "checkbox", onchange: e => { log = e.target.checked; for (const one of charts) { one.log = log; one.draw(); } }}), " logarithmic")),
    h("div", {class: "charts"}, shared.filter(isMain).map(chart)),
    rest.length ? h("details", {}, h("summary", {}, "More curves: by the noise of the samples"), h("div", {class: "charts"}, rest.map(chart))) : null);
};

// ---- which page ----

let leaving = [], turn = 0;

// every repeats f while the page stays and is seen.
const every = async (pause, f) => {
  const timer = setInterval(async () => {
    if (document.hidden) return;
    try { await f(); } catch { /* the next time may do */ }
  }, pause);
  leaving.push(() => clearInterval(timer));
};

const route = async () => {
  const mine = ++turn, still = () => mine === turn;
  leaving.forEach(f => f());
  leaving = [];
  const [, page, argument] = location.hash.match(/^#\/(run|compare)\/([0-9a-f,]+)$/) ?? [];
  try {
    if (page === "run") await showRun(argument, still);
    else if (page === "compare") await showCompare(argument, still);
    else await showList(still);
  } catch (e) {
    if (!still()) return;
    fill(h("h1", {}, "This cannot be shown"), h("p", {class: "problem"}, e.message || "The program does not answer: has it been stopped?"), h("p", {}, h("a", {href: "#/"}, "All runs")));
  }
  if (still() && mine > 1) { content.focus({preventScroll: true}); scrollTo(0, 0); say(document.title); }
};

addEventListener("hashchange", route);
document.querySelector(".skip").addEventListener("click", e => { e.preventDefault(); content.focus(); });
addEventListener("keydown", e => {
  if (e.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)) { const s = document.getElementById("search"); if (s) { e.preventDefault(); s.focus(); } }
});
document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("netdiffus-theme", root.dataset.theme);
});
route();
