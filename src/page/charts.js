/** The last hour of the machine in charts. */
import { html, useEffect, useRef, useState } from "./html.js";
import { useNode } from "./node.js";
import { Nothing, Panel } from "./parts.js";
import { bytes, percent } from "./words.js";

const HEIGHT = 120;

/** The charts: processors, memory, and one line for each GPU. */
export function Charts() {
  const { data } = useNode("/resources", { every: 10_000 });
  if (data === undefined) return null;
  const { at, cpu, memory_used_bytes, memory_total_bytes, gpus } = data;
  const times = at.map((time) => Date.parse(time) / 1000);
  const names = gpus.map(({ index, name }) => `${index} ${name}`);
  const full = [0, 1];
  const charts = [
    { title: "CPU", series: [cpu], names: ["CPU"], range: full, inWords: percent },
    {
      title: "Memory",
      series: [memory_used_bytes],
      names: ["Memory"],
      range: [0, memory_total_bytes ?? 1],
      inWords: bytes,
      of: memory_total_bytes,
    },
    {
      title: "GPU",
      series: gpus.map(({ utilization }) => utilization),
      ...{ names, range: full, inWords: percent },
    },
    {
      title: "GPU memory",
      series: gpus.map(({ memory_used_bytes, memory_total_bytes: total }) =>
        memory_used_bytes.map((used) => used === null || !total ? null : used / total)
      ),
      ...{ names, range: full, inWords: percent },
    },
  ].filter(({ series }) => series.some((values) => values.some((value) => value !== null)));
  return html`<${Panel} title="Last hour">
    ${
    charts.length === 0
      ? html`<${Nothing}>${
        times.length === 0
          ? "The first values come within 10 seconds."
          : "Deno does not allow the node to see how busy the machine is."
      }</${Nothing}>`
      : html`<div class="charts">${
        charts.map((chart) => html`<${Chart} key=${chart.title} ...${chart} times=${times} />`)
      }</div>`
  }
  </${Panel}>`;
}

/** One chart, with its newest value beside its title. */
function Chart({ title, times, series, names, range, inWords, of }) {
  const box = useRef();
  const isDark = useDark();
  const key = `${isDark} ${names.join()} ${range.join()}`;
  const plot = useRef();
  useEffect(() => {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 } };
    const u = plot.current = new globalThis.uPlot(
      {
        width: box.current.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { range: lastHour }, y: { range: () => range } },
        axes: [
          {
            ...axis,
            ticks: { show: false },
            size: 26,
            space: 80,
            values: (_, ticks) => ticks.map(hour),
          },
          {
            ...axis,
            ticks: { show: false },
            size: 58,
            splits: () => [range[0], (range[0] + range[1]) / 2, range[1]],
            values: (_, ticks) => ticks.map((value) => inWords(value)),
          },
        ],
        series: [
          {},
          ...series.map((_, index) => ({
            stroke: color(`--chart-${index % 4}`),
            width: 1.5,
            // A line needs two of them.
            points: { show: (u) => u.data[0].length < 3 },
            ...(series.length === 1 && { fill: color("--chart-fill") }),
          })),
        ],
      },
      [times, ...series],
      box.current,
    );
    const observer = new ResizeObserver(([{ contentRect }]) =>
      u.setSize({ width: contentRect.width, height: HEIGHT })
    );
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      u.destroy();
    };
  }, [key]);
  useEffect(() => plot.current.setData([times, ...series]), [times, series]);
  const latest = series.map((values) => values.at(-1));
  const highest = series.map((values) => Math.max(...values.map((value) => value ?? 0)));
  const summary = names.map((name, index) =>
    `${name}: now ${inWords(latest[index])}, at most ${inWords(highest[index])}`
  ).join("; ");
  return html`
    <figure>
      <figcaption>${title} ${series.length === 1
        ? html`<b>${inWords(latest[0])}</b>`
        : latest.map((value, index) =>
          html`<span key=${index} class=${`key key-${index % 4}`}>${
            names[index]
              .split(" ")[0]
          }: <b>${inWords(value)}</b></span>`
        )}${of && html`<span class="note"> of ${bytes(of)}</span>`}</figcaption>
      <div class="plot" ref=${box} role="img" aria-label=${`${summary}, in the last hour`} />
    </figure>
  `;
}

/** An hour that ends now, however much of it is known. */
function lastHour() {
  const now = Date.now() / 1000;
  return [now - 3600, now];
}

function hour(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** Whether the page is dark, now and after somebody has changed that. */
function useDark() {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const changed = () => setDark(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  return isDark;
}
