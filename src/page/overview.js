/** What the node is doing. */
import { Charts } from "./charts.js";
import { html, useState } from "./html.js";
import { post, useNode, workloadPath } from "./node.js";
import { Output } from "./output.js";
import { ConfirmButton, Facts, Nothing, Panel, Progress, State, useSeconds } from "./parts.js";
import { RunForm } from "./run_form.js";
import { WorkloadTable } from "./workloads.js";
import { between, bytes, duration, localTime, nameOf, since } from "./words.js";

/** How many that ended are shown here; the history has all. */
const LATEST = 8;

/** How many that run or wait: a queue may be long. */
const MOST = 50;

/** The view. */
export function Overview({ status }) {
  const running = useWorkloads("running", MOST);
  const queued = useWorkloads("queued", MOST);
  const ended = useWorkloads("ended", LATEST);
  return html`
    <h1 class="unseen" tabindex="-1">Overview</h1>
    <div class="grid">
      <div class="most column">
        <${Lanes} status=${status} />
        <${Running} status=${status} workloads=${running} />
        <${Waiting} status=${status} workloads=${queued ?? []} />
        <${Charts} />
        <${Panel} title="Latest" actions=${html`<a href="#/history">All</a>`}>
          ${ended && html`<${WorkloadTable} workloads=${ended} nothing="Nothing has ended yet." />`}
        </${Panel}>
      </div>
      <div class="least column aside">
        <${Node} status=${status} />
        <${RunForm} kinds=${status.lanes.map(({ kind }) => kind)} />
      </div>
    </div>
  `;
}

/** The first workloads in a state, of those that ended the latest; `undefined` until they are known. */
function useWorkloads(state, limit) {
  const path = `/workloads?state=${state}&limit=${limit}`;
  return useNode(path, { every: 5_000, isLive: true }).data?.workloads;
}

/** How many there are in all lanes. */
function total({ lanes }, figure) {
  return lanes.reduce((sum, lane) => sum + lane[figure], 0);
}

/** What runs the commands of each kind, and how much of it is taken. */
function Lanes({ status: { lanes } }) {
  return html`<${Panel} title="Lanes">
    ${
    lanes.length === 0 ? html`<${Nothing}>No kind of command is configured.</${Nothing}>` : html`
      <table class="lanes">
        <thead>
          <tr>
            <th scope="col">Kind</th>
            <th scope="col">Running</th>
            <th scope="col">Queue</th>
            <th scope="col">Executor</th>
          </tr>
        </thead>
        <tbody>${lanes.map((lane) => html`<${Lane} key=${lane.kind} lane=${lane} />`)}</tbody>
      </table>
    `
  }
  </${Panel}>`;
}

const TONES = { ready: "good", busy: "busy", starting: "busy", restarting: "busy" };

function Lane({ lane: { kind, running, concurrency, queued, max_queued, state, reason } }) {
  return html`
    <tr>
      <th scope="row">${kind}</th>
      <td><meter min="0" max=${concurrency} value=${running}
          aria-label=${`${kind}: running`} /> <span class="figure">${running} of ${concurrency}</span></td>
      <td><span class="figure">${queued}</span> <span class="note optional">of ${max_queued}</span></td>
      <td>${state &&
        html`<${State} tone=${TONES[state] ?? "bad"}>${state}</${State}>${
          reason && html`
            <span class="note">${reason}</span>
          `
        }`}</td>
    </tr>
  `;
}

/** Who the node is, and how it is connected. */
function Node({ status }) {
  useSeconds();
  const { broker, undelivered } = status;
  const waiting = undelivered.count === 0
    ? "none"
    : `${undelivered.count}, the oldest for ${since(undelivered.oldest_at)}`;
  return html`
    <${Panel} title="Node">
      <${Facts} facts=${[
        ["UUID", status.uuid && html`<code>${status.uuid}</code>`],
        ["Broker", html`<code>${broker.url}</code>`],
        [broker.is_connected ? "Connected for" : "Disconnected for", since(broker.since)],
        ["Heartbeat", status.last_heartbeat ? `${since(status.last_heartbeat)} ago` : "none yet"],
        ["Undelivered", waiting],
        ["Sending results", status.finalizing || undefined],
        ["Running for", since(status.started_at)],
        ["Process", `${status.node_pid}, version ${status.version}`],
      ]} />
      <${Connections} />
      </${Panel}>
  `;
}

/** When the connection was there since the node began to connect, as a strip. */
function Connections() {
  const { data } = useNode("/connections", { every: 30_000, isLive: true });
  // The first connection is no interruption.
  const changes = data?.changes.slice(data.changes[0]?.is_connected ? 0 : 1) ?? [];
  if (changes.length === 0) return null;
  const spans = spansOf(changes, Date.now());
  const [start, end] = [spans[0].start, spans.at(-1).end];
  const whole = Math.max(1, end - start);
  const lost = changes.filter(({ is_connected }) => !is_connected).length;
  const up = spans.filter(({ isConnected }) => isConnected)
    .reduce((sum, span) => sum + span.end - span.start, 0);
  const text = lost === 0
    ? `No interruption in the last ${duration(whole)}`
    : `Connected ${Math.floor(1000 * up / whole) / 10} % of the last ${duration(whole)}: ${
      lost === 1 ? "1 interruption" : `${lost} interruptions`
    }`;
  return html`
    <div class="connections">
      <svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img"
        aria-label=${text}>${spans.map((span) =>
          html`
            <rect key=${span.start} class=${span.isConnected ? "up" : "down"} height="10"
              x=${1000 * (span.start - start) / whole}
              width=${Math.max(2, 1000 * (span.end - span.start) / whole)} />
          `
        )}</svg>
      <details>
        <summary>${text}</summary>
        <ul>${changes.slice(-20).reverse().map(({ at, is_connected }) =>
          html`<li key=${at}>${localTime(at)}: ${is_connected ? "connected" : "not connected"}</li>`
        )}</ul>
      </details>
    </div>
  `;
}

function spansOf(changes, now) {
  return changes.map(({ at, is_connected }, index) => ({
    start: Date.parse(at),
    end: index + 1 < changes.length ? Date.parse(changes[index + 1].at) : now,
    isConnected: is_connected,
  }));
}

/** What runs now, with what it prints. */
function Running({ status, workloads }) {
  const isNothing = workloads?.length === 0;
  return html`<${Panel} title="Running" note=${total(status, "running") || undefined}>
    ${isNothing && html`<${Nothing}>Nothing runs.</${Nothing}>`}
    ${
    workloads?.map((workload, index) =>
      html`<${RunningWorkload} key=${workload.id} workload=${workload} isOpen=${index < 3} />`
    )
  }
    ${workloads && html`<${More} all=${total(status, "running")} shown=${workloads.length} />`}
  </${Panel}>`;
}

function RunningWorkload({ workload, isOpen }) {
  useSeconds();
  const [isShown, setShown] = useState(isOpen);
  const { id, kind, started_at, progress } = workload;
  const name = nameOf(workload);
  return html`<article class="running" aria-label=${`${kind} ${name}`}>
    <div class="line">
      <a href=${`#/workloads/${id}`}><b>${kind}</b> <span class="name">${name}</span></a>
      <span class="note figure">${given(workload)}</span>
      <span class="figure">${between(started_at)}</span>
      <button type="button" class="quiet" aria-expanded=${isShown}
        aria-label=${`Output of ${name}`} onClick=${() => setShown(!isShown)}>Output</button>
      <${CancelButton} workload=${workload} />
    </div>
    <${Progress} progress=${progress} label=${`Progress of ${name}`} />
    ${isShown && html`<${Output} id=${id} isRunning=${true} isShort />`}
  </article>`;
}

/** Which GPUs a workload has, and how much memory it has used at most. */
function given({ gpus, resources }) {
  const memory = resources?.peak_memory_bytes;
  return [gpus?.length > 0 && `GPU ${gpus.join(", ")}`, memory !== undefined && bytes(memory)]
    .filter(Boolean).join(" · ");
}

/** Stops a workload, or takes it out of the queue. */
export function CancelButton({ workload }) {
  const name = nameOf(workload);
  return html`
    <${ConfirmButton} label="Cancel" name=${`Cancel ${name}`}
      question=${`Cancel ${workload.kind} ${name}?`} answer="Cancel it"
      onConfirm=${() => post(`${workloadPath(workload.id)}/cancel`)} />
  `;
}

/** What waits for its turn. */
function Waiting({ status, workloads }) {
  useSeconds();
  if (workloads.length === 0) return null;
  return html`
    <${Panel} title="Queue" note=${total(status, "queued")}>
      <ol class="queue">${workloads.map((workload) =>
        html`
          <li key=${workload.id} class="line">
            <a href=${`#/workloads/${workload.id}`}><b>${workload
              .kind}</b> <span class="name">${nameOf(workload)}</span></a>
            <span class="figure">waits for ${since(workload.accepted_at)}</span>
            <${CancelButton} workload=${workload} />
          </li>
        `
      )}</ol>
      <${More} all=${total(status, "queued")} shown=${workloads.length} />
      </${Panel}>
  `;
}

/** Says how many are not shown. */
function More({ all, shown }) {
  return all > shown && shown >= MOST ? html`<p class="note">and ${all - shown} more</p>` : null;
}
