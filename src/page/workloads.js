/** Workloads in a table. */
import { html } from "./html.js";
import { Nothing, Outcome } from "./parts.js";
import { between, localTime, nameOf, since } from "./words.js";

/** A row for each of them. */
export function WorkloadTable({ workloads, nothing }) {
  if (workloads.length === 0) return html`<${Nothing}>${nothing}</${Nothing}>`;
  return html`
    <table class="workloads">
      <thead>
        <tr>
          <th scope="col">Workload</th>
          <th scope="col">Outcome</th>
          <th scope="col">Came</th>
          <th scope="col" class="number optional">Waited</th>
          <th scope="col" class="number">Ran</th>
        </tr>
      </thead>
      <tbody>${workloads.map((workload) =>
        html`<${Row} key=${workload.id} workload=${workload} />`
      )}</tbody>
    </table>
  `;
}

function Row({ workload }) {
  const { id, kind, accepted_at, started_at, ended_at } = workload;
  return html`
    <tr>
      <td><a href=${`#/workloads/${id}`}><b>${kind}</b> <span class="name">${nameOf(
        workload,
      )}</span></a></td>
      <td>
        <${Outcome} workload=${workload} />
      </td>
      <td><time datetime=${accepted_at} title=${localTime(accepted_at)}>${since(
        accepted_at,
      )} ago</time></td>
      <td class="number optional">${between(accepted_at, started_at ?? ended_at)}</td>
      <td class="number">${started_at ? between(started_at, ended_at) : "–"}</td>
    </tr>
  `;
}
