/** Running a command, with the params of an earlier one at hand. */
import { html, useEffect, useState } from "./html.js";
import { ask, post, useNode, workloadPath } from "./node.js";
import { Panel, Problem } from "./parts.js";
import { nameOf, outcome, since } from "./words.js";

/** A form that runs a command of one of these kinds. */
export function RunForm({ kinds }) {
  const [chosen, setKind] = useState();
  const kind = chosen ?? kinds[0];
  const [params, setParams] = useState("{}");
  const [error, setError] = useState();
  const [isSending, setSending] = useState(false);
  const earlier = useNode(
    kind && `/workloads?state=ended&limit=5&kind=${encodeURIComponent(kind)}`,
    { isLive: true },
  );
  const workloads = earlier.isCurrent ? earlier.data?.workloads : undefined;
  const latest = workloads?.[0]?.id;
  const take = async (id) => {
    setParams(inLines(await (await ask(`${workloadPath(id)}/params`)).json()));
    setError(undefined);
  };
  // Once for each kind: nobody's words are replaced while they are written.
  const [filled, setFilled] = useState();
  useEffect(() => {
    if (latest === undefined || filled === kind) return;
    setFilled(kind);
    // Params are not kept for ever: then somebody writes them.
    take(latest).catch(() => {});
  }, [latest, kind, filled]);
  const run = async (event) => {
    event.preventDefault();
    setError(undefined);
    setSending(true);
    try {
      const { id } = await post("/commands", { command: kind, params: parsed(params) });
      location.hash = `#/workloads/${id}`;
    } catch (error) {
      setError(error);
    }
    setSending(false);
  };
  return html`
    <${Panel} title="Run a command">
      <form onSubmit=${run}>
        <div class="fields">
          <label>Command
              <select value=${kind} onChange=${({ target }) => setKind(target.value)}>
                ${kinds.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
              </select>
            </label>
          <label>Params of
              <select value="" disabled=${!workloads?.length}
                onChange=${({ target }) => target.value && take(target.value).catch(setError)}>
                <option value="">${workloads?.length ? "an earlier one…" : "none yet"}</option>
                ${workloads?.map((workload) =>
                  html`<option key=${workload.id} value=${workload.id}>${`${
                    nameOf(workload).slice(0, 24)
                  }, ${since(workload.accepted_at)} ago, ${outcome(workload).text}`}</option>`
                )}
              </select>
            </label>
        </div>
        <label>Params, as JSON
            <textarea rows="5" spellcheck="false" value=${params}
              onInput=${({ target }) => setParams(target.value)}
              onKeyDown=${(event) =>
                (event.ctrlKey || event.metaKey) && event.key === "Enter" && run(event)} />
          </label>
        <${Problem} error=${error} />
        <div class="buttons">
          <span class="note">Ctrl+Enter</span>
          <button type="submit" class="primary" disabled=${isSending || !kind}>Run</button>
        </div>
      </form>
      </${Panel}>
  `;
}

function parsed(text) {
  let value;
  try {
    value = JSON.parse(text.trim() || "{}");
  } catch (error) {
    throw new Error(`The params are not JSON: ${error.message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error('The params must be a JSON object, as {"prompt": "a cat"}');
  }
  return value;
}

function inLines(value) {
  return JSON.stringify(value, undefined, 2);
}
