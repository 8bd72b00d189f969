const charts = JSON.parse(document.getElementById("charts").textContent).charts;
const figures = [...document.querySelectorAll(".chart")];
const live = document.querySelector(".live");
const off = new Set();

function place(axis, value) {
  return axis.log ? Math.log(value / axis.low) / Math.log(axis.high / axis.low) : (value - axis.low) / (axis.high - axis.low);
}

function show(choice) {
  figures.forEach((figure, number) => {
    const chart = charts[number];
    figure.hidden = chart.metric !== choice.metric || chart.x.log !== (choice.scale === "log");
  });
}

const choice = { metric: charts.length ? charts[0].metric : "", scale: "linear" };
document.querySelectorAll(".controls .choice").forEach((group) => {
  const buttons = [...group.querySelectorAll("button")];
  buttons.forEach((button) => button.addEventListener("click", () => {
    choice[group.dataset.what] = button.dataset.value;
    buttons.forEach((other) => other.setAttribute("aria-pressed", other === button));
    show(choice);
  }));
});

document.querySelectorAll(".keys button").forEach((button) => {
  const parts = document.querySelectorAll(".plot .k" + button.dataset.curve);
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", shown);
    parts.forEach((part) => part.classList.toggle("off", !shown));
    if (shown) off.delete(Number(button.dataset.curve)); else off.add(Number(button.dataset.curve));
  });
  button.addEventListener("pointerenter", () => {
    document.querySelectorAll(".plot path:not(.grid)").forEach((part) => part.classList.add("faint"));
    parts.forEach((part) => part.classList.remove("faint"));
  });
  button.addEventListener("pointerleave", () => document.querySelectorAll(".plot .faint").forEach((part) => part.classList.remove("faint")));
});

figures.forEach((figure, number) => {
  const chart = charts[number];
  const plot = figure.querySelector(".plot");
  plot.tabIndex = 0;
  plot.setAttribute("role", "application");
  plot.setAttribute("aria-label", plot.querySelector("svg").getAttribute("aria-label") + "; arrow keys move between points");
  const mark = document.createElement("span"), tip = document.createElement("span");
  mark.className = "mark"; tip.className = "tip"; mark.hidden = tip.hidden = true;
  plot.append(mark, tip);
  let at = null;

  const visible = () => chart.curves.filter((curve) => !off.has(curve.k));
  const inside = (point) => { const x = place(chart.x, point[0]), y = place(chart.y, point[1]); return x >= 0 && x <= 1 && y >= -0.02 && y <= 1.02; };

  function point(curve, index) {
    const value = curve.points[index], x = place(chart.x, value[0]), y = place(chart.y, value[1]);
    at = { k: curve.k, index };
    const colour = getComputedStyle(plot.querySelector(".k" + curve.k)).color;
    mark.style.cssText = "left:" + 100 * x + "%;bottom:" + 100 * y + "%;color:" + colour + ";transform:translateY(100%);margin-bottom:6.5px";
    tip.textContent = "";
    const name = document.createElement("b");
    name.textContent = curve.name; name.style.color = colour;
    const text = value[0].toPrecision(3) + " " + chart.x.unit + "\n" + value[1].toFixed(2) + " dB" + (value[2] ? "\n" + value[2] : "");
    tip.append(name, "\n" + text);
    tip.hidden = mark.hidden = false;
    tip.style.cssText = (x > 0.55 ? "right:calc(" + 100 * (1 - x) + "% + 14px);" : "left:calc(" + 100 * x + "% + 14px);") + (y > 0.5 ? "top:calc(" + 100 * (1 - y) + "% + 8px)" : "bottom:calc(" + 100 * y + "% + 8px)");
    live.textContent = curve.name + ": " + text.replace(/\n/g, ", ");
  }

  function nearest(event) {
    const box = plot.getBoundingClientRect();
    const x = event.clientX - box.left, y = box.bottom - event.clientY;
    let best = null;
    for (const curve of visible()) curve.points.forEach((value, index) => {
      if (!inside(value)) return;
      const far = Math.hypot(place(chart.x, value[0]) * box.width - x, place(chart.y, value[1]) * box.height - y);
      if (!best || far < best.far) best = { curve, index, far };
    });
    if (best) point(best.curve, best.index);
  }

  const leave = () => { mark.hidden = tip.hidden = true; };
  plot.addEventListener("pointermove", nearest);
  plot.addEventListener("pointerdown", nearest);
  plot.addEventListener("pointerleave", leave);
  plot.addEventListener("blur", leave);
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
    const curves = visible();
    if (!step || !curves.length) return;
    event.preventDefault();
    let curve = curves.findIndex((one) => at && one.k === at.k), index = at ? at.index : 0;
    if (curve < 0) curve = 0;
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") index += step;
    else curve = (curve + step + curves.length) % curves.length;
    const one = curves[curve];
    point(one, Math.max(0, Math.min(one.points.length - 1, index)));
  });
});
