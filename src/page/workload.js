/** One workload. */
import { html, useState } from "./html.js";
import { ask, post, useNode, workloadPath } from "./node.js";
import { Output } from "./output.js";
import { CancelButton } from "./overview.js";
import { Facts, Outcome, Panel, Problem, Progress, useSeconds } from "./parts.js";
import { between, bytes, duration, localTime, nameOf, outcome } from "./words.js";

/** The view. */
export function Workload({ id }) {
  useSeconds();
  const { data, error, isCurrent } = useNode(workloadPath(id), { every: 2_000, isLive: true });
  if (data === undefined || !isCurrent) {
    return html`
      <h1 tabindex="-1">Workload</h1>
      <${Problem} error=${error} />
    `;
  }
  const { kind, state, accepted_at, started_at, ended_at, progress } = data;
  const hasEnded = state === "ended";
  const path = workloadPath(data.id);
  const outputFirst = outcome(data).tone === "bad" ? "stderr" : "stdout";
  const action = hasEnded
    ? html`<${RunAgain} workload=${data} />`
    : html`<${CancelButton} workload=${data} />`;
  const facts = [
    ["Outcome", html`<${Outcome} workload=${data} />`],
    ["Came", localTime(accepted_at)],
    ["Waited", between(accepted_at, started_at ?? ended_at)],
    [hasEnded ? "Ran" : "Runs for", started_at ? between(started_at, ended_at) : undefined],
    ["Ended", ended_at && localTime(ended_at)],
    ["Process", hasEnded ? undefined : data.pid],
    ["GPUs", data.gpus?.join(", ") || undefined],
    ...used(data.resources),
    ["Id", html`<code>${data.id}</code>`],
    ["Request id", data.request_id && html`<code>${data.request_id}</code>`],
    ["Workload", data.workload_uuid && html`<code>${data.workload_uuid}</code>`],
  ];
  return html`
    <h1 tabindex="-1">${kind} <span class="name">${nameOf(data)}</span></h1>
    <div class="grid">
      <div class="least column">
        <${Panel} title="State" actions=${action}>
          <${Facts} facts=${facts} />
          <${Progress} progress=${progress} label="Progress" />
        </${Panel}>
        <${Params} path=${path} />
        ${hasEnded && html`<${Results} path=${path} />`}
      </div>
      <${Panel} title="Output" className="most">
        <${Output} id=${data.id} isRunning=${state === "running"} first=${outputFirst} />
      </${Panel}>
    </div>
  `;
}

/** What a workload has used of the machine, as far as that is known. */
function used(resources) {
  const { cpu_seconds, peak_memory_bytes, read_bytes, written_bytes } = resources ?? {};
  const known = (value, inWords) => value === undefined ? undefined : inWords(value);
  return [
    ["CPU time", known(cpu_seconds, (seconds) => duration(seconds * 1000))],
    ["Peak memory", known(peak_memory_bytes, bytes)],
    ["Read", known(read_bytes, bytes)],
    ["Written", known(written_bytes, bytes)],
  ];
}

/** Runs the same again, under a new request id. */
function RunAgain({ workload }) {
  const [error, setError] = useState();
  const run = async () => {
    try {
      const params = await (await ask(`${workloadPath(workload.id)}/params`)).json();
      const { id } = await post("/commands", { command: workload.kind, params });
      location.hash = `#/workloads/${id}`;
    } catch (error) {
      setError(error);
    }
  };
  return html`
    <button type="button" class="quiet" onClick=${run}>Run again</button>
    <${Problem} error=${error} />
  `;
}

function Params({ path }) {
  const { data, error } = useNode(`${path}/params`);
  return html`<${Panel} title="Params">
    ${
    data === undefined
      ? html`<p class="nothing">${error?.message ?? "…"}</p>`
      : html`<pre class="short" tabindex="0" role="region" aria-label="Params as JSON">${
        JSON.stringify(data, undefined, 2)
      }</pre>`
  }
  </${Panel}>`;
}

function Results({ path }) {
  const { data, error } = useNode(`${path}/results`, { every: 5_000 });
  const files = data?.files ?? [];
  return html`<${Panel} title="Result files">
    ${
    files.length === 0 ? html`<p class="nothing">${error?.message ?? "None."}</p>` : html`
      <table>
        <thead>
          <tr>
            <th scope="col">File</th>
            <th scope="col" class="number">Size</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>${files.map(({ name, size, state }) =>
          html`
            <tr key=${name}>
              <td><a class="name" download href=${`api/v1${path}/results/${
                encodeURIComponent(name)
              }`}>${name}</a></td>
              <td class="number">${bytes(size)}</td>
              <td>${state}</td>
            </tr>
          `
        )}</tbody>
      </table>
    `
  }
  </${Panel}>`;
}
