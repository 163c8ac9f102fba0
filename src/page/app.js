/** The page: what is shown where, and what is always shown. */
import { Doctor, Settings } from "./about.js";
import { History } from "./history.js";
import { html, render, useEffect, useRef, useState } from "./html.js";
import { followEvents, post, useNode } from "./node.js";
import { Overview } from "./overview.js";
import { ConfirmButton, State } from "./parts.js";
import { Workload } from "./workload.js";

const VIEWS = [["", "Overview"], ["history", "History"], ["settings", "Settings"], [
  "doctor",
  "Doctor",
]];

function App() {
  const { data: status, error, reload } = useNode("/status", { every: 2_000, isLive: true });
  const [view, id] = usePlace();
  const main = useRef();
  const [name, title] = VIEWS.find(([name]) => name === view) ?? ["", "Workload"];
  useEffect(() => {
    document.title = `${title} · ${status?.slug ?? "Cloud Node"}`;
  }, [title, status?.slug]);
  // A view begins at its top, and a screen reader with its heading.
  const isFirst = useRef(true);
  const isKnown = status !== undefined;
  useEffect(() => {
    if (!isKnown) return;
    if (!isFirst.current) main.current.querySelector("h1")?.focus();
    isFirst.current = false;
    scrollTo(0, 0);
  }, [view, id, isKnown]);
  if (error?.status === 401) return html`<${LoggedOut} />`;
  const current = VIEWS.some(([name]) => name === view) ? name : undefined;
  return html`
    <a class="skip" href="#main" onClick=${(event) => {
      event.preventDefault();
      main.current.focus();
    }}>Skip to the content</a>
    <header class="top">
      <img src="page/icon.svg" alt="" width="24" height="24" />
      <b class="slug">${status?.slug ?? "Cloud Node"}</b>
      <span role="status"><${NodeState} status=${status} error=${error} /></span>
      <nav aria-label="Views">${VIEWS.map(([name, title]) =>
        html`<a key=${name} href=${`#/${name}`} aria-current=${
          name === current ? "page" : undefined
        }>${title}</a>`
      )}</nav>
      ${status && html`
        <${ConfirmButton} label="Drain" isDisabled=${status.is_draining}
          question="Drain the node? It takes no new commands, finishes what it has, and then stops."
          answer="Drain it" onConfirm=${() => post("/drain").then(reload)} />
      `}
    </header>
    <main id="main" ref=${main} tabindex="-1" class=${error ? "old" : ""}>
      ${isKnown && viewOf(view, id, status)}
    </main>
  `;
}

function viewOf(view, id, status) {
  switch (view) {
    case "history":
      return html`<${History} kinds=${status.lanes.map(({ kind }) => kind)} />`;
    case "workloads":
      return html`<${Workload} key=${id} id=${id} />`;
    case "settings":
      return html`<${Settings} />`;
    case "doctor":
      return html`<${Doctor} />`;
    default:
      return html`<${Overview} status=${status} />`;
  }
}

/** How the node is, in a word. */
function NodeState({ status, error }) {
  if (error) return html`<${State} tone="bad">${error.message}</${State}>`;
  if (status === undefined) return html`<${State} tone="idle">loading</${State}>`;
  if (status.is_stopping) return html`<${State} tone="warn">stopping</${State}>`;
  if (status.is_draining) return html`<${State} tone="warn">draining</${State}>`;
  if (status.slug === null) return html`<${State} tone="warn">not registered</${State}>`;
  if (!status.broker.is_connected) return html`<${State} tone="bad">not connected</${State}>`;
  return html`<${State} tone="good">connected</${State}>`;
}

function LoggedOut() {
  return html`
    <main class="alone">
      <h1>This page is closed</h1>
      <p>Its session has ended. <code>cyberwave-cloud-node page</code> opens it again.</p>
    </main>
  `;
}

/** The view and the id in the address, now and when somebody goes elsewhere. */
function usePlace() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  const [, view = "", id] = /^#\/([^/]*)(?:\/([\w-]*))?$/.exec(hash) ?? [];
  return [view, id];
}

followEvents();
render(html`<${App} />`, document.getElementById("app"));
