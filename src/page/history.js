/** All workloads that ended and are remembered, page by page. */
import { html, useState } from "./html.js";
import { useNode } from "./node.js";
import { Panel, Problem } from "./parts.js";
import { WorkloadTable } from "./workloads.js";

const PAGE = 50;

const OUTCOMES = [
  ...["succeeded", "failed", "killed", "cancelled"],
  ...["timed_out", "withdrawn", "lost", "not_started"],
];

/** The view. */
export function History({ kinds }) {
  const [filter, setFilter] = useState({ q: "", kind: "", outcome: "" });
  // Where each page begins that was left for the next one.
  const [starts, setStarts] = useState([]);
  const query = new URLSearchParams({ state: "ended", limit: PAGE });
  for (const [name, value] of Object.entries({ ...filter, before: starts.at(-1) ?? "" })) {
    if (value !== "") query.set(name, value);
  }
  const { data, error, isCurrent } = useNode(`/workloads?${query}`, {
    every: 10_000,
    isLive: starts.length === 0,
  });
  const change = (name) => ({ target }) => {
    setFilter({ ...filter, [name]: target.value });
    setStarts([]);
  };
  const isFiltered = Object.values(filter).some((value) => value !== "");
  const rows = data?.workloads ?? [];
  const first = starts.length * PAGE;
  return html`
    <h1 tabindex="-1">History</h1>
    <${Panel} title="Workloads that ended" className="wide"
      note=${rows.length > 0 ? `${first + 1} to ${first + rows.length}` : undefined}>
      <div class="fields filter" role="search">
        <label>Id <input type="search" value=${filter.q} placeholder="a part of it"
              onInput=${change("q")} /></label>
        <label>Kind <${Choice} value=${filter.kind} values=${kinds} onChange=${change(
          "kind",
        )} /></label>
        <label>Outcome <${Choice} value=${filter.outcome} values=${OUTCOMES}
              onChange=${change("outcome")} /></label>
      </div>
      <${Problem} error=${error} />
      <div aria-busy=${!isCurrent} class=${isCurrent ? "" : "old"}>
            ${data && html`
              <${WorkloadTable} workloads=${rows}
                nothing=${isFiltered ? "Nothing matches." : "Nothing has ended yet."} />
            `}
          </div>
      <nav class="buttons" aria-label="Pages">
        <button type="button" disabled=${starts.length === 0}
          onClick=${() => setStarts(starts.slice(0, -1))}>Newer</button>
        <button type="button" disabled=${!isCurrent || !data?.next}
          onClick=${() => setStarts([...starts, data.next])}>Older</button>
      </nav>
      </${Panel}>
  `;
}

function Choice({ value, values, onChange }) {
  return html`<select value=${value} onChange=${onChange}>
    <option value="">any</option>
    ${
    values.map((name) =>
      html`<option key=${name} value=${name}>${name.replaceAll("_", " ")}</option>`
    )
  }
  </select>`;
}
