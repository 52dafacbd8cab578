// Keeps pages fresh without a reload, and draws charts.  Pages work without it.
"use strict";
(() => {
  const EVERY_MS = 5000;
  const CHART_EVERY_MS = 30000;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let paused = false;

  // --- what is marked data-live is exchanged for what the same URL says now

  function keptOpen(old, fresh) {
    for (const details of old.querySelectorAll("details[id]")) {
      const twin = fresh.querySelector("#" + CSS.escape(details.id));
      if (twin) twin.open = details.open;
    }
  }

  function focusPath(section) {
    const all = [...section.querySelectorAll("a, button, summary, input, select")];
    return all.indexOf(document.activeElement);
  }

  function exchange(old, fresh) {
    keptOpen(old, fresh);
    if (old.innerHTML === fresh.innerHTML) return;
    const focus = old.contains(document.activeElement) ? focusPath(old) : -1;
    old.replaceChildren(...fresh.childNodes);
    if (focus >= 0) old.querySelectorAll("a, button, summary, input, select")[focus]?.focus({ preventScroll: true });
  }

  async function refresh() {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.statusText || "signed out");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const section of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(section.id);
      if (fresh) exchange(section, fresh);
    }
  }

  const pause = document.createElement("button");
  const state = document.createElement("span");
  state.setAttribute("role", "status");
  pause.className = "quiet";
  pause.textContent = "Pause";
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    tell(paused ? "paused" : "live");
  });

  function tell(text) {
    if (state.textContent !== text) state.textContent = text;
  }

  async function tick() {
    if (!paused && !document.hidden && !getSelection().toString()) {
      try {
        await refresh();
        tell("live");
      } catch {
        tell("the web does not answer; what is shown is old");
      }
    }
    setTimeout(tick, EVERY_MS);
  }

  if (document.querySelector("main [data-live]")) {
    document.getElementById("foot").append(state, pause);
    tell("live");
    setTimeout(tick, EVERY_MS);
  }

  // --- charts: the expressions are interpreted, since the page allows no eval

  const OPTIONS = { ast: true, actions: false, defaultStyle: false, renderer: "canvas", logLevel: 1, tooltip: { disableDefaultStyle: true, offsetX: 14 } };
  const drawn = new Map();

  async function draw(place, force) {
    const url = place.dataset.chart + (dark.matches ? "&dark=true" : "");
    const answer = await fetch(url);
    if (!answer.ok) return;
    const text = await answer.text();
    const before = drawn.get(place);
    if (before && before.text === text && !force) return;
    const embedded = await vegaEmbed(place, JSON.parse(text), OPTIONS);
    before?.embedded.finalize();
    drawn.set(place, { text, embedded });
    place.dataset.drawn = "true";
  }

  function drawAll(force) {
    for (const place of document.querySelectorAll("[data-chart]")) {
      if (!paused && !document.hidden) draw(place, force).catch((error) => console.error(error));
    }
  }

  addEventListener("DOMContentLoaded", () => {
    if (!document.querySelector("[data-chart]")) return;
    drawAll(false);
    setInterval(() => drawAll(false), CHART_EVERY_MS);
    dark.addEventListener("change", () => drawAll(true));
  });
})();
