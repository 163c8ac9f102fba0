/** Small parts that several views have in common. */
import { html, useEffect, useRef, useState } from "./html.js";
import { fraction, outcome, progressText } from "./words.js";

/** A part of a view with its heading. */
export function Panel({ title, note, actions, className = "", children }) {
  const id = `panel-${title.toLowerCase().replaceAll(/\W+/g, "-")}`;
  return html`<section class=${`panel ${className}`} aria-labelledby=${id}>
    <header>
      <h2 id=${id}>${title}</h2>
      ${note !== undefined && html`<span class="note">${note}</span>`}
      ${actions && html`<div class="actions">${actions}</div>`}
    </header>
    ${children}
  </section>`;
}

/** A word about a state, with a dot in its colour. */
export function State({ tone, children }) {
  return html`<span class=${`state ${tone}`}>${children}</span>`;
}

/** How a workload ended, or what it is doing. */
export function Outcome({ workload }) {
  const { tone, text } = outcome(workload);
  return html`<${State} tone=${tone}>${text}</${State}>`;
}

/** How far a workload is. */
export function Progress({ progress, label }) {
  if (!progress) return null;
  const part = fraction(progress);
  return html`<div class="progress">
    ${part !== undefined && html`<progress value=${part} max="1" aria-label=${label} />`}
    <span>${progressText(progress)}</span>
  </div>`;
}

/** Says what went wrong where somebody waits for something. */
export function Problem({ error }) {
  return error ? html`<p class="problem" role="alert">${error.message}</p>` : null;
}

/** What is shown where there is nothing. */
export function Nothing({ children }) {
  return html`<p class="nothing">${children}</p>`;
}

/** Terms and what they are, those left out that are not known. */
export function Facts({ facts }) {
  return html`<dl class="facts">
    ${
    facts.filter(([, value]) => value !== undefined && value !== null).map(([term, value]) =>
      html`
        <div key=${term}>
          <dt>${term}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }
  </dl>`;
}

/** A button that asks before it does something that cannot be taken back. */
export function ConfirmButton({ label, question, answer, onConfirm, isDisabled, name = label }) {
  const dialog = useRef();
  const [error, setError] = useState();
  const confirm = async () => {
    try {
      await onConfirm();
      dialog.current.close();
    } catch (error) {
      setError(error);
    }
  };
  const open = () => {
    setError(undefined);
    dialog.current.showModal();
  };
  return html`
    <button type="button" class="quiet danger" disabled=${isDisabled} aria-label=${name}
      onClick=${open}>${label}</button>
    <dialog ref=${dialog} aria-label=${question}>
      <p>${question}</p>
      <${Problem} error=${error} />
      <div class="buttons">
        <button type="button" autofocus onClick=${() => dialog.current.close()}>Keep</button>
        <button type="button" class="primary danger" onClick=${confirm}>${answer}</button>
      </div>
    </dialog>
  `;
}

/** Draws again every second, for times that pass. */
export function useSeconds() {
  const [, setTick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setTick((tick) => tick + 1), 1000);
    return () => clearInterval(timer);
  }, []);
}
