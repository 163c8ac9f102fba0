/** The node's settings, and what a check of everything finds. */
import { html, useState } from "./html.js";
import { useNode } from "./node.js";
import { Nothing, Panel, Problem, State } from "./parts.js";

/** The view of the effective settings. */
export function Settings() {
  const { data, error } = useNode("/settings");
  const [text, setText] = useState("");
  const settings = (data?.settings ?? []).filter(({ name, value, source }) =>
    `${name} ${inText(value)} ${source}`.toLowerCase().includes(text.toLowerCase())
  );
  return html`
    <h1 tabindex="-1">Settings</h1>
    <${Panel} title="Effective settings" className="wide" note=${data?.config_file ?? undefined}>
          <div class="fields filter" role="search">
            <label>Filter <input type="search" value=${text} placeholder="name, value or source"
              onInput=${({ target }) => setText(target.value)} /></label>
          </div>
          <${Problem} error=${error} />
          ${data && (settings.length === 0 ? html`<${Nothing}>Nothing matches.</${Nothing}>` : html`
            <table class="settings">
              <thead>
                <tr>
                  <th scope="col">Setting</th>
                  <th scope="col">Value</th>
                  <th scope="col">From</th>
                </tr>
              </thead>
              <tbody>${settings.map(({ name, value, source }) =>
                html`
                  <tr key=${name} class=${source === "default" ? "default" : ""}>
                    <th scope="row"><code>${name}</code></th>
                    <td>${inText(value) === ""
                      ? "–"
                      : html`<code class="value">${inText(value)}</code>`}</td>
                    <td>${source ?? "–"}</td>
                  </tr>
                `
              )}</tbody>
            </table>
          `)}
        </${Panel}>
  `;
}

function inText(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

const TONES = { ok: "good", warn: "warn", fail: "bad" };

/** The view of what "doctor" says. */
export function Doctor() {
  const { data, error, reload, isCurrent } = useNode("/doctor");
  const [isAgain, setAgain] = useState(false);
  const isBusy = !isCurrent || isAgain && data === isAgain.data && error === isAgain.error;
  const again = () => {
    setAgain({ data, error });
    reload();
  };
  const checks = data?.checks ?? [];
  return html`
    <h1 tabindex="-1">Doctor</h1>
    <${Panel} title="Checks" className="wide" actions=${html`<button type="button" class="quiet" disabled=${isBusy} onClick=${again}>Check again</button>`}>
      <p role="status" class="note">${isBusy
        ? "Checking everything that the node needs…"
        : summary(checks)}</p>
      <${Problem} error=${error} />
      <table class="checks">
        <thead>
          <tr>
            <th scope="col">Result</th>
            <th scope="col">Check</th>
            <th scope="col">Found</th>
          </tr>
        </thead>
        <tbody>${checks.map(({ name, status, detail, fix }) =>
          html`
            <tr key=${name}>
              <td>
                <${State} tone=${TONES[status] ?? "idle"}>${status}</${State}></td>
                      <th scope="row">${name}</th>
                      <td>${detail}${fix && html`<p class="note">${fix}</p>`}</td>
                    </tr>
          `
        )}</tbody>
      </table>
      </${Panel}>
  `;
}

function summary(checks) {
  const count = (status) => checks.filter((check) => check.status === status).length;
  return `${count("ok")} ok, ${count("warn")} to look at, ${count("fail")} failed`;
}
